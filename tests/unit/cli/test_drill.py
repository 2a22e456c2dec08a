"""``alt-backup drill``: PROVEN and 0, or FAILED and 2; nothing in between."""

from __future__ import annotations

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine

FIELDS = {"name", "snapshot", "verdict", "differences", "duration_seconds", "source"}
FILE = "files/tokens.txt"


def newest(machine: Machine, volume: str) -> str:
    """Return the id of a volume's newest snapshot."""
    return machine.local.snapshots(tag=volume)[-1].id


def test_equal_is_proven_and_0(backed_up: Machine, call: Call) -> None:
    """Without names the newest snapshot of every planned volume is restored and PROVEN."""
    ran = call("drill", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "PROVEN"
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]
    for volume in ran.json["volumes"]:
        assert set(volume) == FIELDS
        assert volume["snapshot"] == newest(backed_up, volume["name"])
        assert volume["verdict"] == "PROVEN"
        assert volume["differences"] == []
        assert volume["duration_seconds"] >= 0
        assert volume["source"] == "local"
    assert not list((backed_up.state / "scratch").iterdir())


def test_one_byte_of_difference_is_failed_and_2(backed_up: Machine, call: Call) -> None:
    """A file that comes back different fails its volume, in a sentence, and only its volume."""
    backed_up.local.damage_file(newest(backed_up, "tokens"), FILE, b"of tokenz\n")
    ran = call("drill", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    tokens, logs = ran.json["volumes"]
    assert tokens["verdict"] == "FAILED"
    assert any("tokens.txt" in sentence for sentence in tokens["differences"])
    assert logs["verdict"] == "PROVEN"


def test_the_table_lists_the_differences_as_sentences(backed_up: Machine, call: Call) -> None:
    """People see the verdict of each volume, and below it what differs."""
    backed_up.local.damage_file(newest(backed_up, "tokens"), FILE, b"of tokenz\n")
    ran = call("drill")
    assert ran.code == 2
    assert any(
        line.startswith("tokens: ") and "tokens.txt" in line for line in ran.out.splitlines()
    )
    assert ran.out.splitlines()[-1] == "FAILED"


def test_a_drill_that_cannot_begin_is_failed(machine: Machine, call: Call) -> None:
    """Without a snapshot there is no proof: FAILED, with the reason among the differences."""
    machine.local.init()
    ran = call("drill", "tokens", "--json")
    assert ran.code == 2
    (tokens,) = ran.json["volumes"]
    assert tokens["verdict"] == "FAILED"
    assert tokens["snapshot"] is None
    assert "has no snapshot" in tokens["differences"][0]


def test_a_repository_that_does_not_open_is_failed(call: Call) -> None:
    """Without any repository every volume is FAILED, and the object is complete."""
    ran = call("drill", "--json")
    assert ran.code == 2
    assert {volume["verdict"] for volume in ran.json["volumes"]} == {"FAILED"}


def test_proofs_that_cannot_be_put_away_are_2(backed_up: Machine, call: Call) -> None:
    """Proofs that are on this machine alone are told, and the call is not good."""
    backed_up.local.faults["backup"] = Fault(RepositoryUnreachable("the disk is gone"))
    ran = call("drill", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    assert ran.json["reasons"] == ["the disk is gone"]
    assert {volume["verdict"] for volume in ran.json["volumes"]} == {"PROVEN"}


def test_a_named_snapshot_is_drilled(backed_up: Machine, call: Call) -> None:
    """--snapshot takes the start of an id, of an older snapshot too."""
    first = newest(backed_up, "tokens")
    (backed_up.volume("tokens") / "more.txt").write_text("more\n")
    assert call("backup", "--include", "tokens").code == 0
    assert len(backed_up.local.snapshots(tag="tokens")) == 2
    ran = call("drill", "tokens", "--snapshot", first[:10], "--json")
    assert ran.code == 0
    assert ran.json["volumes"][0]["snapshot"] == first


def test_an_unknown_snapshot_is_failed(backed_up: Machine, call: Call) -> None:
    """An id nobody knows proves nothing."""
    ran = call("drill", "tokens", "--snapshot", "feedbeef", "--json")
    assert ran.code == 2
    assert "no snapshots" in ran.json["volumes"][0]["differences"][0]
    assert newest(backed_up, "tokens")


def test_an_offsite_copy_is_drilled_by_either_id(backed_up: Machine, call: Call) -> None:
    """From offsite the copy is restored; the proof names the snapshot in the local repository."""
    assert call("offsite").code == 0
    source = newest(backed_up, "tokens")
    copy = backed_up.offsite.snapshots(tag="tokens")[-1].id
    before = len(backed_up.local.calls)
    for asked in ((), ("--snapshot", copy[:8]), ("--snapshot", source[:8])):
        ran = call("drill", "tokens", "--from", "offsite", *asked, "--json")
        assert ran.code == 0
        assert ran.json["volumes"][0]["source"] == "offsite"
        assert ran.json["volumes"][0]["snapshot"] == source
    assert "restore" not in backed_up.local.calls[before:]


def test_damage_offsite_alone_is_found_there(backed_up: Machine, call: Call) -> None:
    """A copy that rotted fails its own drill, while the local one is PROVEN."""
    assert call("offsite").code == 0
    copy = backed_up.offsite.snapshots(tag="tokens")[-1].id
    backed_up.offsite.damage_file(copy, FILE, b"")
    assert call("drill", "tokens").code == 0
    assert call("drill", "tokens", "--from", "offsite").code == 2


def test_no_offsite_to_drill_from_is_failed(backed_up: Machine, call: Call) -> None:
    """Without an offsite repository there is nothing to prove there."""
    backed_up.rewrite("  offsite: {url: offsite, password_file: password, medium: tape}\n", "")
    ran = call("drill", "tokens", "--from", "offsite", "--json")
    assert ran.code == 2
    assert "repositories.offsite" in ran.json["volumes"][0]["differences"][0]


def test_a_dry_run_restores_nothing(backed_up: Machine, call: Call) -> None:
    """--dry-run names the snapshot and restores nothing; no proof is written."""
    ran = call("drill", "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["dry_run"] is True
    assert ran.json["volumes"][0]["snapshot"] == newest(backed_up, "tokens")
    assert "restore" not in backed_up.local.calls
    assert not (backed_up.state / "ledger").exists()


def test_a_dry_run_shows_red_what_cannot_be_drilled(machine: Machine, call: Call) -> None:
    """Without a snapshot the plan says so and is 2."""
    machine.local.init()
    ran = call("drill", "--dry-run", "--json")
    assert ran.code == 2
    assert "has no snapshot" in ran.json["volumes"][0]["error"]
    assert call("drill", "--dry-run").code == 2
