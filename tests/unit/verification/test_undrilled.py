"""The new snapshots that wait for a drill: none is forgotten, and there is no stampede."""

from __future__ import annotations

import pytest

from alt_backup_assets.errors import (
    LedgerError,
    PlatformError,
    RepositoryUnreachable,
    ServiceVanished,
    ToolFailed,
)
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.undrilled import undrilled
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine
from tests.unit.conftest import MakeMachine


def _waiting(machine: Machine) -> list[tuple[str, str]]:
    return [(target.volume, target.snapshot.id) for target in undrilled(machine.site)]


def test_a_new_snapshot_waits_for_its_drill(machine: Machine) -> None:
    """Of every volume, the oldest first in each."""
    first = machine.snapshot(DB)
    machine.clock.advance(hours=1)
    second, other = machine.snapshot(DB), machine.snapshot(TOKENS)
    assert _waiting(machine) == [(DB, first.id), (DB, second.id), (TOKENS, other.id)]


def test_a_drilled_snapshot_waits_no_longer(machine: Machine) -> None:
    """Proven or failed: a failure is not repeated by a sensor until it is green."""
    machine.snapshot(DB)
    machine.snapshot(TOKENS)
    machine.drill(DB)
    machine.engine.rehearse_errors[TOKENS].append(ToolFailed("no", 1))
    machine.drill(TOKENS)
    assert _waiting(machine) == []


def test_what_the_machine_kept_from_a_verdict_is_drilled_again(machine: Machine) -> None:
    """It says nothing of the snapshot; the verdict that follows stands."""
    snapshot = machine.snapshot()
    machine.engine.rehearse_errors[DB].append(ServiceVanished("the engine was restarted"))
    assert machine.drill().verdict == "FAILED"
    (waiting,) = undrilled(machine.site)
    assert (waiting.snapshot.id, waiting.attempts) == (snapshot.id, 1)
    assert machine.drill().verdict == "PROVEN"
    assert undrilled(machine.site) == ()


def test_it_is_not_drilled_for_ever(machine: Machine) -> None:
    """What is still in the way after three drills is for a person to look at."""
    machine.snapshot()
    for attempt in range(3):
        assert [waiting.attempts for waiting in undrilled(machine.site)] == [attempt]
        machine.engine.rehearse_errors[DB].append(PlatformError("no engine"))
        machine.drill()
    assert undrilled(machine.site) == ()


def test_a_drill_of_the_copy_is_a_drill(machine: Machine) -> None:
    """Its proof speaks of the snapshot."""
    machine.snapshot()
    copy_snapshots(machine.site, [DB])
    machine.drill(source="offsite")
    assert _waiting(machine) == []


@pytest.mark.parametrize(("hours", "waits"), [(47, True), (49, False)])
def test_an_old_snapshot_is_left_to_the_weekly_drill(
    machine: Machine, hours: int, waits: bool
) -> None:
    """A first start on a large repository is no stampede."""
    machine.snapshot()
    machine.clock.advance(hours=hours)
    assert bool(_waiting(machine)) is waits


def test_of_hourly_snapshots_only_the_newest_waits(make_machine: MakeMachine) -> None:
    """And only once a day."""
    machine = make_machine(schedules={"hourly_snapshots": True})
    machine.snapshot()
    machine.clock.advance(hours=1)
    newest = machine.snapshot()
    assert _waiting(machine) == [(DB, newest.id)]
    machine.engine.rehearse_errors[DB].append(ServiceVanished("gone"))
    machine.drill()
    assert _waiting(machine) == [(DB, newest.id)]
    machine.drill()
    machine.clock.advance(hours=1)
    machine.snapshot()
    assert _waiting(machine) == []
    machine.clock.advance(days=1)
    tomorrow = machine.snapshot()
    assert _waiting(machine) == [(DB, tomorrow.id)]


def test_a_volume_without_snapshots_has_nothing_waiting(machine: Machine) -> None:
    """Status says what is wrong there; a drill could not."""
    machine.local.init()
    assert _waiting(machine) == []


def test_a_repository_that_does_not_open_is_an_error(machine: Machine) -> None:
    """Nothing waiting is something else."""
    machine.local.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        undrilled(machine.site)


def test_a_damaged_ledger_is_an_error(machine: Machine) -> None:
    """It is not known what was drilled."""
    machine.snapshot()
    machine.drill()
    (machine.site.state / "ledger" / f"{DB}.jsonl").write_text("damaged\n")
    with pytest.raises(LedgerError):
        undrilled(machine.site)
