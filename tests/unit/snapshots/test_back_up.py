"""A backup run: one volume that fails stops no other, and none is green that is not in."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stamina

from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import (
    AltBackupError,
    DayIsOver,
    DumpFailed,
    RepositoryError,
    RepositoryLocked,
    RepositoryUnreachable,
    ServiceVanished,
    ToolMissing,
)
from alt_backup_assets.snapshots.back_up import back_up, expire_dumps
from tests.fakes.restic import Fault
from tests.fakes.site import DB, MODELS, TOKENS, Machine


def test_every_volume_goes_into_the_repository(machine: Machine) -> None:
    """Dump and snapshot of each, and no error."""
    ended = machine.back_up()
    assert set(ended) == {DB, TOKENS}
    for done in ended.values():
        assert done.error is None
        assert done.dump is not None
        assert done.snapshot is not None
        assert done.snapshot.dump == done.dump
    assert len(machine.local.snapshots()) == 2


def test_progress_is_told_per_step(machine: Machine) -> None:
    """A line for the dump, one for the snapshot, one for its id."""
    lines: list[str] = []
    day = machine.site.today
    list(back_up(machine.site, dumps=[DB], snapshots=[DB], day=day, notify=lines.append))
    assert lines[:2] == ["db_data: dumping", "db_data: taking the snapshot"]
    assert lines[2].startswith(f"db_data: snapshot {machine.local.snapshots()[0].short}")


def test_one_that_fails_stops_no_other(machine: Machine) -> None:
    """The healthy volume has its snapshot; the failed one its reason, and nothing else."""
    machine.engine.dump_errors[DB].append(DumpFailed("pg_dump exited with 1"))
    ended = machine.back_up()
    assert (ended[DB].error, ended[DB].dump, ended[DB].snapshot) == (
        "pg_dump exited with 1",
        None,
        None,
    )
    assert ended[TOKENS].error is None
    assert [snapshot.tags[2] for snapshot in machine.local.snapshots()] == [TOKENS]


def test_when_all_fail_all_have_failed(machine: Machine) -> None:
    """Every volume has its own reason and the repository got nothing."""
    for volume in (DB, TOKENS):
        machine.engine.dump_errors[volume].append(DumpFailed(f"no {volume}"))
    ended = machine.back_up()
    assert {name: done.error for name, done in ended.items()} == {
        DB: "no db_data",
        TOKENS: "no token-data",
    }
    assert "backup" not in machine.local.calls


def test_when_none_is_asked_for_none_is_done(machine: Machine) -> None:
    """No outcome, so that nothing can be taken for a success."""
    assert machine.back_up(dumps=(), snapshots=()) == {}
    assert machine.engine.dumped == []


@pytest.mark.parametrize("name", ["db-data", MODELS])
def test_a_volume_that_is_not_planned_is_refused(machine: Machine, name: str) -> None:
    """A name that is not backed up never vanishes from a run in silence."""
    with pytest.raises(AltBackupError, match=name):
        machine.back_up(dumps=[DB, name], snapshots=[])
    assert machine.engine.dumped == []


def test_a_good_dump_whose_snapshot_fails_is_still_told(machine: Machine) -> None:
    """The dump is a recovery point of its own; the volume has failed all the same."""
    machine.local.faults = {"backup": Fault(RepositoryError("no space left"))}
    for name, done in machine.back_up().items():
        assert done.error == "no space left"
        assert done.snapshot is None
        assert done.dump == store(machine.site).dumps(name)[-1]


def test_a_run_looks_once(machine: Machine) -> None:
    """One look at what is there before, for all volumes."""
    machine.back_up()
    asked = ["require_version", "snapshots", "backup", "backup"]
    assert machine.local.calls == [*asked[:2], "init", *asked[2:]]
    machine.clock.advance(hours=1)
    machine.local.calls.clear()
    machine.back_up()
    assert machine.local.calls == asked


def test_snapshots_that_cannot_be_confirmed_are_not_taken_for_good(machine: Machine) -> None:
    """The dumps are told, every snapshot has failed; the rerun finds what is there."""
    machine.local.faults = {"backup": Fault(RepositoryError("cut off"), after=True)}
    ended = machine.back_up(root_run="run-1")
    assert {name: done.error for name, done in ended.items()} == {DB: "cut off", TOKENS: "cut off"}
    assert all(done.dump and not done.snapshot for done in ended.values())
    machine.local.faults = {}
    again = machine.back_up(root_run="run-1")
    assert [done.error for done in again.values()] == [None, None]
    assert all(done.snapshot and not done.snapshot.is_new for done in again.values())


def test_a_good_dump_whose_staging_fails_is_still_told(machine: Machine) -> None:
    """The same where it is our own disk that says no."""
    (machine.site.state / "staging").write_text("in the way")
    done = machine.back_up()[DB]
    assert "staging" in str(done.error)
    assert done.dump == store(machine.site).dumps(DB)[-1]


def test_an_error_of_another_kind_is_a_failure_too(machine: Machine) -> None:
    """Unknown means failure, with the error's own name."""
    machine.engine.dump_errors[DB].append(KeyError("version"))
    ended = machine.back_up()
    assert ended[DB].error == "KeyError: 'version'"
    assert ended[TOKENS].error is None


def test_dumps_alone_touch_no_repository(machine: Machine) -> None:
    """The hourly job."""
    ended = machine.back_up(snapshots=())
    assert all(done.dump and not done.snapshot and not done.error for done in ended.values())
    assert set(machine.local.calls) <= {"require_version"}


def test_a_snapshot_alone_is_of_todays_newest_dump(machine: Machine) -> None:
    """No second dump is taken for it."""
    dump = machine.dump()
    done = machine.back_up(dumps=(), snapshots=[DB])[DB]
    assert done.dump is None
    assert done.snapshot is not None
    assert done.snapshot.dump == dump


def test_a_snapshot_alone_without_a_dump_of_today_fails(machine: Machine) -> None:
    """Yesterday's would look fresh."""
    machine.dump()
    machine.clock.advance(days=1)
    done = machine.back_up(dumps=(), snapshots=[DB])[DB]
    assert "has no dump of 2026-11-24" in str(done.error)
    assert "backup" not in machine.local.calls


@pytest.mark.parametrize("days", [-1, 1])
def test_another_day_is_refused_before_anything_is_done(machine: Machine, days: int) -> None:
    """A past partition cannot be made today."""
    day = machine.site.today + timedelta(days=days)
    with pytest.raises(DayIsOver):
        list(back_up(machine.site, dumps=[DB], snapshots=[DB], day=day, notify=print))
    assert machine.engine.dumped == []


def test_a_restic_that_is_too_old_is_refused_before_anything_is_done(machine: Machine) -> None:
    """Its exit codes mean something else."""
    machine.local.faults = {"require_version": Fault(ToolMissing("restic 0.14 is too old"))}
    with pytest.raises(ToolMissing):
        machine.back_up()
    assert machine.engine.dumped == []


def test_a_rerun_does_only_what_is_missing(machine: Machine) -> None:
    """One dump failed: the rerun of the same run takes that one, and adds that snapshot."""
    machine.engine.dump_errors[DB].append(DumpFailed("no"))
    machine.back_up(root_run="run-1")
    machine.clock.advance(hours=1)
    ended = machine.back_up(root_run="run-1")
    assert [done.error for done in ended.values()] == [None, None]
    assert sorted(machine.engine.dumped) == [DB, DB, TOKENS]
    assert machine.local.calls.count("backup") == 2


@pytest.mark.parametrize("times", [1, 2])
def test_a_dump_that_fails_for_a_moment_is_tried_again(machine: Machine, times: int) -> None:
    """A container that restarts does not cost the day's backup."""
    machine.engine.dump_errors[DB] += [ServiceVanished("db stopped")] * times
    assert machine.back_up()[DB].error is None
    assert machine.engine.dumped.count(DB) == times + 1


def test_trying_again_has_an_end(machine: Machine) -> None:
    """After the third time the volume has failed, and nothing partial is left."""
    machine.engine.dump_errors[DB] += [ServiceVanished("db stopped")] * 3
    assert machine.back_up()[DB].error == "db stopped"
    assert machine.engine.dumped.count(DB) == 3
    assert store(machine.site).dumps(DB) == ()


@pytest.mark.parametrize("error", [RepositoryLocked("by PID 99"), RepositoryUnreachable("gone")])
def test_a_snapshot_that_fails_for_a_moment_is_tried_again(
    machine: Machine, error: AltBackupError
) -> None:
    """The dump is not taken a second time for it."""
    machine.local.faults = {3: Fault(error)}  # after require_version, init and snapshots
    assert machine.back_up(dumps=[DB], snapshots=[DB])[DB].error is None
    assert machine.local.calls.count("backup") == 2
    assert machine.engine.dumped == [DB]


def test_a_lasting_error_is_not_tried_again(machine: Machine) -> None:
    """A wrong dump does not become right by waiting."""
    machine.engine.dump_errors[DB] += [DumpFailed("no"), DumpFailed("never reached")]
    with stamina.set_testing(True, attempts=3):
        assert machine.back_up()[DB].error == "no"
    assert machine.engine.dumped.count(DB) == 1


def test_a_volume_somebody_else_works_on_is_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever; then it is a failure that says so, and the others are done."""
    monkeypatch.setattr("alt_backup_assets.snapshots.back_up._LOCK_SECONDS", 0.1)
    with machine.site.lock(DB):
        ended = machine.back_up()
    assert "another run is working on db_data" in str(ended[DB].error)
    assert ended[TOKENS].error is None


def _old_dumps(machine: Machine, volume: str) -> list[str]:
    ids = []
    for _ in range(3):
        ids.append(machine.take(volume).dump.record.dump_id)
        machine.clock.advance(days=4)
    return ids


def _expire(machine: Machine, *, dry_run: bool = False) -> dict[str, tuple[str, ...]]:
    return expire_dumps(machine.site, machine.local.snapshots(), dry_run=dry_run, notify=print)


def test_old_dumps_that_snapshots_hold_are_removed(machine: Machine) -> None:
    """Per volume, and never the newest."""
    machine.snapshot(TOKENS)
    ids = _old_dumps(machine, DB)
    assert _expire(machine) == {DB: tuple(ids[:2]), TOKENS: ()}
    assert [dump.record.dump_id for dump in store(machine.site).dumps(DB)] == ids[2:]


def test_a_dry_run_removes_no_dump(machine: Machine) -> None:
    """It only tells."""
    ids = _old_dumps(machine, DB)
    assert _expire(machine, dry_run=True)[DB] == tuple(ids[:2])
    assert len(store(machine.site).dumps(DB)) == 3


def test_a_volume_somebody_else_works_on_keeps_its_dumps(machine: Machine) -> None:
    """A restore takes hours: that volume has its turn the next time, and is no other's affair."""
    machine.snapshot(DB)
    ids = _old_dumps(machine, TOKENS)
    told: list[str] = []
    with machine.site.lock(DB):
        removed = expire_dumps(machine.site, machine.local.snapshots(), notify=told.append)
    assert removed == {TOKENS: tuple(ids[:2])}
    (line,) = told
    assert line.startswith("db_data: old dumps are left for the next time: another run is working")


def test_a_dump_that_only_lies_on_the_disk_stays(machine: Machine) -> None:
    """What retention forgot in the repository is not removed here as well."""
    ids = _old_dumps(machine, DB)
    machine.local.forget([machine.local.snapshots()[0].id])
    assert _expire(machine)[DB] == (ids[1],)
