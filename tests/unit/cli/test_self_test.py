"""``alt-backup self-test``: every planted fault noticed, or 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alt_backup_assets.dumps.files import faults as files_faults
from alt_backup_assets.dumps.planting import Planting, Sound
from alt_backup_assets.dumps.record import Comparison, Content, compare
from alt_backup_assets.errors import DrillError, PlatformError, RepositoryError, ToolFailed
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.verification import drill
from alt_backup_assets.verification.self_test import choose
from alt_backup_assets.verification.self_test.bench import room_of
from alt_backup_assets.verification.self_test.result import newest_self_test
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine, Ran

PLANTED = {"file_zeroed", "pack_byte_flipped", "wrong_key", "dumps_swapped"}


def _detected(ran: Ran) -> dict[str, bool | None]:
    return {fault["fault"]: fault["detected"] for fault in ran.json["faults"]}


def _message(ran: Ran, fault: str) -> str:
    (found,) = (each for each in ran.json["faults"] if each["fault"] == fault)
    return str(found["message"])


def _failed(ran: Ran) -> dict[str, bool | None]:
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    return _detected(ran)


def test_every_fault_that_can_be_planted_is_detected(backed_up: Machine, call: Call) -> None:
    """What there is nothing to plant in is neither detected nor silently good."""
    ran = call("self-test", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    detected = _detected(ran)
    assert {fault for fault, found in detected.items() if found} == PLANTED
    assert {found for fault, found in detected.items() if fault not in PLANTED} == {None}
    assert _message(ran, "file_zeroed").endswith("size_bytes is 0, 8 was recorded")
    assert "no planned volume has the engine redis" in _message(ran, "stream_shortened")
    assert [(c["engine"], c["proven"]) for c in ran.json["controls"]] == [("files", True)]
    assert call("self-test").code == 0


def test_nothing_of_it_reaches_the_real_site(backed_up: Machine, call: Call) -> None:
    """No proof, no snapshot, no file; the result is all there is."""
    site = backed_up.site(backed_up.configuration)
    dumps = sorted((backed_up.state / "dumps").rglob("*"))
    before, proven = site.local.snapshots(), call("status", "--json").json["volumes"]
    backed_up.local.calls.clear()
    backed_up.offsite.calls.clear()
    assert call("self-test").code == 0
    assert site.local.snapshots() == before
    assert not {"backup", "forget", "init"} & set(backed_up.local.calls)
    assert backed_up.offsite.calls == []
    assert sorted((backed_up.state / "dumps").rglob("*")) == dumps
    assert list((backed_up.state / "ledger").iterdir()) == []
    assert list(site.scratch.iterdir()) == []
    for now, then in zip(call("status", "--json").json["volumes"], proven, strict=True):
        assert now["proven_snapshot"] == then["proven_snapshot"] is None


def test_the_result_is_kept(backed_up: Machine, call: Call) -> None:
    """For metrics and status; a damaged record is not a success."""
    site = backed_up.site(backed_up.configuration)
    assert newest_self_test(site) is None
    call("self-test")
    result = newest_self_test(site)
    assert result is not None
    assert result.verdict == "GOOD"
    record = backed_up.state / "self-test.json"
    record.write_text(record.read_text()[:40])
    with pytest.raises(DrillError, match="nobody knows whether the verifier works"):
        newest_self_test(site)


def _sees_nothing(recorded: Content, restored: Content) -> Comparison:
    return Comparison((), compare(recorded, restored).compared)


@pytest.mark.parametrize(
    ("disabled", "blind", "missed"),
    [
        ("compare", _sees_nothing, "file_zeroed"),
        ("identity_differences", lambda *_arguments: (), "dumps_swapped"),
    ],
)
def test_a_blind_drill_is_found_out(
    request: pytest.FixtureRequest, disabled: str, blind: object, missed: str
) -> None:
    """With a comparison disabled the fault it is for is not detected: FAILED, and kept so."""
    machine, call = (request.getfixturevalue(name) for name in ("backed_up", "call"))
    request.getfixturevalue("monkeypatch").setattr(drill, disabled, blind)
    ran = call("self-test", "--json")
    assert [fault for fault, found in _failed(ran).items() if found is False] == [missed]
    assert ran.json["reasons"] == [f"{missed}: the drill says PROVEN over the planted fault"]
    kept = newest_self_test(machine.site(machine.configuration))
    assert kept is not None
    assert kept.verdict == "FAILED"


def test_a_drill_that_is_always_red_is_found_out(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control must be green: red over everything detects nothing."""
    red = lambda *_contents: Comparison(("everything differs",), ())  # noqa: E731
    monkeypatch.setattr(drill, "compare", red)
    ran = call("self-test", "--json")
    assert True not in _failed(ran).values()
    assert ran.json["reasons"][0] == "control files: everything differs"


def test_red_for_another_reason_is_not_detection(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drill has to name the fault that was planted."""
    monkeypatch.setattr("alt_backup_assets.verification.self_test.repository._KEY_SAYS", "no such")
    ran = call("self-test", "--json")
    assert _failed(ran)["wrong_key"] is False
    assert _message(ran, "wrong_key").startswith("the drill failed for another reason: ")


def test_without_a_snapshot_it_fails(machine: Machine, call: Call) -> None:
    """A planned volume that there is nothing of is no excuse."""
    machine.local.init()
    ran = call("self-test", "--json")
    assert _failed(ran)["file_zeroed"] is False
    assert "no volume of the engine files has a snapshot" in "; ".join(ran.json["reasons"])
    assert call("self-test").code == 2


def test_without_a_repository_it_fails(machine: Machine, call: Call) -> None:
    """What kept it from its work is in the answer, and recorded."""
    ran = call("self-test", "--json")
    assert set(_failed(ran).values()) == {False}
    assert "there is no repository" in _message(ran, "row_dropped")
    assert newest_self_test(machine.site(machine.configuration)) is not None


def test_a_planter_that_fails_fails(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults that could not be planted were not detected."""

    def plant(sound: Sound, room: Path, platform: Platform) -> Planting:
        raise ToolFailed("redis-server exited with 1")

    monkeypatch.setattr(files_faults, "plant", plant)
    ran = call("self-test", "--json")
    assert _failed(ran)["file_zeroed"] is False
    assert ran.json["reasons"][0] == "control files: redis-server exited with 1"


def test_a_damaged_snapshot_is_not_planted_in(backed_up: Machine, call: Call) -> None:
    """What is damaged already shows nothing, and is said to be."""
    for snapshot in backed_up.local.snapshots():
        backed_up.local.damage_file(snapshot.id, "record.json", b"{")
    ran = call("self-test", "--json")
    assert _failed(ran)["file_zeroed"] is False
    assert "is damaged" in ran.json["reasons"][0]


def test_a_restore_that_fails_leaves_nothing(backed_up: Machine, call: Call) -> None:
    """Everything in the scratch directory goes, whatever happened."""
    backed_up.local.faults = {"restore": Fault(RepositoryError("pack 12ab is damaged"))}
    ran = call("self-test", "--json")
    assert "pack 12ab is damaged" in ran.json["reasons"][0]
    assert ran.code == 2
    assert list(backed_up.site(backed_up.configuration).scratch.iterdir()) == []


def test_without_room_nothing_is_planted(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks before it fills a disk."""
    monkeypatch.setattr(choose, "_COPIES", 1 << 60)
    ran = call("self-test", "--json")
    assert _failed(ran)["file_zeroed"] is False
    assert "MiB free under" in ran.json["reasons"][0]


def test_what_a_crash_left_is_swept(backed_up: Machine, call: Call) -> None:
    """By the next one, which then does its own work."""
    left = room_of(backed_up.site(backed_up.configuration))
    left.mkdir(parents=True)
    (left / "half").write_text("a copy")
    ran = call("self-test")
    assert ran.code == 0
    assert f"swept: {left}" in ran.err
    assert not left.exists()


def test_a_sweep_that_fails_is_told_and_stops_nothing(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The faults are planted and detected all the same."""

    def fail(_machine: LocalMachine) -> tuple[str, ...]:
        raise PlatformError("the engine is busy")

    monkeypatch.setattr(LocalMachine, "sweep", fail)
    ran = call("self-test")
    assert ran.code == 0
    assert "what crashed runs left could not be removed: the engine is busy" in ran.err


def test_two_at_once_are_refused(backed_up: Machine, call: Call) -> None:
    """The second says so, records nothing and removes nothing of the first."""
    site = backed_up.site(backed_up.configuration)
    room_of(site).mkdir(parents=True)
    with site.lock("self-test"):
        assert call("self-test").code == 2
    assert room_of(site).exists()
    assert newest_self_test(site) is None


def test_a_dry_run_plants_nothing(backed_up: Machine, call: Call) -> None:
    """It says where each fault would go."""
    ran = call("self-test", "--dry-run", "--json")
    assert ran.code == 0
    planned = {plan["engine"]: plan for plan in ran.json["planned"]}
    assert planned["files"]["volume"] == planned["any"]["volume"] == "logs"
    assert planned["redis"]["snapshot"] is None
    assert json.loads(ran.out)["dry_run"] is True
    assert "restore" not in backed_up.local.calls
    assert newest_self_test(backed_up.site(backed_up.configuration)) is None
    assert "file_zeroed" in call("self-test", "--dry-run").out


def test_a_dry_run_without_snapshots_is_2(machine: Machine, call: Call) -> None:
    """As the run itself would be."""
    machine.local.init()
    assert call("self-test", "--dry-run", "--json").code == 2
