"""``alt-backup backup``: green only if everything asked for is there."""

from __future__ import annotations

import shutil

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.unchanged import WATCHED
from alt_backup_assets.errors import PlatformError, RepositoryLocked, SnapshotIncomplete
from alt_backup_assets.platforms.local import LocalMachine
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine

FIELDS = {
    *("name", "verdict", "dump_id", "size_bytes", "snapshot", "taken_at", "unchanged_at"),
    "error",
}


def test_all_good_is_0(machine: Machine, call: Call) -> None:
    """With a dump and a snapshot of every volume the backup is GOOD."""
    ran = call("backup", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]
    for volume in ran.json["volumes"]:
        assert set(volume) == FIELDS
        assert volume["verdict"] == "GOOD"
        assert volume["size_bytes"] > 0
        assert volume["error"] is None
        (snapshot,) = machine.local.snapshots(tag=volume["name"])
        assert volume["snapshot"] == snapshot.id


def test_progress_goes_to_stderr_and_the_table_to_stdout(call: Call) -> None:
    """The answer alone is on stdout; what goes on meanwhile is on stderr."""
    ran = call("backup")
    assert "tokens: dumping" in ran.err
    assert "dumping" not in ran.out
    assert ran.out.splitlines()[-1] == "GOOD"


def test_one_that_fails_is_2_and_the_healthy_one_is_done(machine: Machine, call: Call) -> None:
    """A volume that is gone fails alone: the other has its snapshot, the code is 2."""
    shutil.rmtree(machine.volume("tokens"))
    ran = call("backup", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    tokens, logs = ran.json["volumes"]
    assert tokens["verdict"] == "FAILED"
    assert "is not a directory" in tokens["error"]
    assert tokens["snapshot"] is None
    assert logs["verdict"] == "GOOD"
    assert machine.local.snapshots(tag="logs")
    assert "tokens: FAILED: " in ran.err


def test_an_unchanged_server_is_told_with_its_renewed_time(
    machine: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where it is asked for: in JSON, in the table and in the progress."""
    monkeypatch.setitem(WATCHED, "files", lambda volume, *_: volume.name == "tokens")
    first = call("backup", "--json").json["volumes"]
    tokens, logs = call("backup", "--spare-unchanged", "--json").json["volumes"]
    assert (tokens["dump_id"], tokens["taken_at"]) == (first[0]["dump_id"], first[0]["taken_at"])
    assert tokens["unchanged_at"] > tokens["taken_at"]
    assert tokens["verdict"] == "GOOD"
    assert logs["dump_id"] != first[1]["dump_id"]
    assert logs["unchanged_at"] is None
    ran = call("backup", "--spare-unchanged")
    assert "tokens: unchanged since " in ran.err
    assert "unchanged since" in " ".join(ran.out.split())
    assert call("backup", "--json").json["volumes"][0]["dump_id"] != tokens["dump_id"]


def test_an_emptied_volume_is_2(machine: Machine, call: Call) -> None:
    """A volume without any file is never backed up as if that were right."""
    for file in machine.volume("tokens").iterdir():
        file.unlink()
    ran = call("backup", "--include", "tokens", "--json")
    assert ran.code == 2
    assert "holds no file" in ran.json["volumes"][0]["error"]


def test_all_failing_is_2(machine: Machine, call: Call) -> None:
    """With every volume failing there is nothing green in the answer."""
    shutil.rmtree(machine.directory / "volumes")
    ran = call("backup", "--json")
    assert ran.code == 2
    assert {volume["verdict"] for volume in ran.json["volumes"]} == {"FAILED"}


def test_a_good_dump_without_its_snapshot_is_2(machine: Machine, call: Call) -> None:
    """A dump that did not get into the repository whole is a failure, and told as far as it got."""
    machine.local.faults["backup"] = Fault(SnapshotIncomplete("could not read every file"))
    ran = call("backup", "--json")
    assert ran.code == 2
    assert ran.json["volumes"][0]["dump_id"]
    assert ran.json["volumes"][0]["snapshot"] is None
    assert ran.json["volumes"][0]["error"] == "could not read every file"


def test_a_moment_of_trouble_is_overcome(machine: Machine, call: Call) -> None:
    """A repository that is locked for a moment is tried again, and the backup is GOOD."""
    machine.local.faults[2] = Fault(RepositoryLocked("somebody holds it"))
    assert call("backup", "--include", "tokens").code == 0


def test_a_profile_chooses_by_category(machine: Machine, call: Call) -> None:
    """A profile leaves other categories out; --include adds to it."""
    ran = call("backup", "--profile", "essential", "--json")
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens"]
    assert machine.local.snapshots(tag="logs") == ()
    ran = call("backup", "--profile", "essential", "--include", "logs", "--json")
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]


def test_a_profile_that_chooses_nothing_is_not_good(call: Call) -> None:
    """There is no critical volume here, and a backup of nothing must not look good."""
    ran = call("backup", "--profile", "db", "--json")
    assert ran.code == 64
    assert ran.json["verdict"] == "FAILED"


def test_what_a_crash_left_is_swept_first(machine: Machine, call: Call) -> None:
    """Files of a drill that is dead are removed before the backup, and named."""
    left = machine.state / "scratch" / "drill-tokens"
    left.mkdir(parents=True)
    ran = call("backup")
    assert ran.code == 0
    assert f"swept: {left}" in ran.err
    assert not left.exists()


def test_a_sweep_that_fails_is_told_and_stops_no_backup(
    machine: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning says why, and every volume is backed up."""

    def fail(_machine: LocalMachine) -> tuple[str, ...]:
        raise PlatformError("the engine is busy")

    monkeypatch.setattr(LocalMachine, "sweep", fail)
    ran = call("backup")
    assert ran.code == 0
    assert "warning: what crashed runs left could not be removed: the engine is busy" in ran.err


def test_what_cannot_be_removed_stops_no_backup(machine: Machine, call: Call) -> None:
    """The system's own error is a warning too."""
    (machine.state / "scratch").mkdir(parents=True)
    (machine.state / "scratch" / "drill-tokens").touch()  # no directory can be removed there
    ran = call("backup")
    assert ran.code == 0
    assert "could not be removed: NotADirectoryError" in ran.err


def test_a_dry_run_says_what_it_would_meet_and_changes_nothing(
    machine: Machine, call: Call
) -> None:
    """Each volume's source, last dump and room are told; no file is made, no call to restic."""
    ran = call("backup", "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["dry_run"] is True
    tokens = ran.json["volumes"][0]
    assert tokens["source"] == str(machine.volume("tokens"))
    assert tokens["engine"] == "files"
    assert tokens["last_dump"] is None
    assert tokens["free_bytes"] > 0
    assert machine.local.calls == []
    assert not machine.state.exists()


def test_a_dry_run_knows_the_last_dump(backed_up: Machine, call: Call) -> None:
    """Where there is a dump already, its id and size are told."""
    (dump,) = (backed_up.state / "dumps" / "tokens").iterdir()
    tokens = call("backup", "--dry-run", "--json").json["volumes"][0]
    assert tokens["last_dump"] == dump.name
    assert tokens["last_size_bytes"] > 0


def test_a_dry_run_shows_red_what_would_fail(
    machine: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume that is gone, a service that is not there and an engine without driver are 2."""
    monkeypatch.delitem(DRIVERS, "meilisearch")
    shutil.rmtree(machine.volume("tokens"))
    machine.rewrite(
        "  models:",
        "  db: {service: db, engine: postgresql, category: critical, databases: [a], user: a}\n"
        "  meili: {service: meili, engine: meilisearch, category: search}\n"
        "  models:",
        file="registry.yaml",
    )
    ran = call("backup", "--dry-run", "--json")
    assert ran.code == 2
    problems = {volume["name"]: volume["error"] or "" for volume in ran.json["volumes"]}
    assert "is not a directory" in problems["tokens"]
    assert problems["logs"] == ""
    assert "no service `db`" in problems["db"]
    assert "has no driver" in problems["meili"]
    table = call("backup", "--dry-run")
    assert table.code == 2
    assert "has no driver" in table.out


def test_a_retry_is_told_on_stderr_and_never_between_the_answer(
    machine: Machine, call: Call
) -> None:
    """Whatever libraries log of a second attempt, stdout stays one JSON object."""
    machine.local.faults[3] = Fault(RepositoryLocked("somebody holds it"))
    ran = call("backup", "--include", "tokens", "--json")
    assert ran.json["verdict"] == "GOOD"
    assert "trying again" in ran.err
    assert "somebody holds it" in ran.err
