"""Retention: by the policy, never the newest, and believed only when listed again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.config import Repository, Retention
from alt_backup_assets.errors import RepositoryUnreachable, RetentionUnsafe, ToolMissing
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.retention import apply, plan
from alt_backup_assets.snapshots.tags import of_volume
from alt_backup_assets.tools.restic import Restic, RetentionPlan
from tests.fakes.restic import FakeRestic, Fault
from tests.fakes.site import DB, TOKENS, Machine

ONE_A_DAY = Retention(hourly=0, daily=2, weekly=0, monthly=0)
NOTHING = Retention(hourly=0, daily=0, weekly=0, monthly=0)


def _repository(machine: Machine, retention: Retention, **changes: object) -> Repository:
    configured = machine.site.config.repositories.local
    return configured.model_copy(update={"retention": retention, **changes})


def retain(site: Site, restic: Restic, repository: Repository) -> RetentionPlan:
    """Plan and apply, as the guard does where nothing hangs on what goes."""
    planned = plan(site, restic, repository)
    apply(restic, planned)
    return planned


def _history(machine: Machine) -> list[str]:
    """Take two snapshots a day of one volume for three days; return their ids."""
    ids = []
    for _ in range(6):
        ids.append(machine.snapshot(DB).id)
        machine.clock.advance(hours=12)
    return ids


def test_a_plan_removes_nothing(machine: Machine) -> None:
    """It says what would stay and what would go."""
    _history(machine)
    planned = plan(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    assert len(planned.keep) + len(planned.remove) == 6
    assert len(machine.local.snapshots()) == 6


def test_retention_removes_exactly_its_plan(machine: Machine) -> None:
    """And the listing afterwards is what was to be kept."""
    _history(machine)
    planned = retain(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    assert len(planned.keep) == 2
    assert {s.id for s in machine.local.snapshots()} == {s.id for s in planned.keep}


def test_every_volume_has_a_history_of_its_own(machine: Machine) -> None:
    """A volume that is taken often crowds out no other one."""
    tokens = machine.snapshot(TOKENS)
    _history(machine)
    retain(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    listed = machine.local.snapshots()
    assert of_volume(listed, TOKENS) == (tokens,)
    assert len(of_volume(listed, DB)) == 2


def test_another_hosts_snapshots_are_not_touched(machine: Machine) -> None:
    """The repository may hold more than ours."""
    (machine.site.state / "foreign").mkdir()
    machine.local.init()
    for _ in range(3):
        machine.local.backup(
            machine.site.state / "foreign", host="other", tags=[], taken_at=machine.clock.at
        )
    _history(machine)
    retain(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    assert len(machine.local.snapshots(host="other")) == 3


@pytest.mark.parametrize("volume", [DB, TOKENS])
def test_a_plan_that_removes_a_newest_snapshot_is_refused(machine: Machine, volume: str) -> None:
    """Whatever the policy says, every volume of the registry keeps its last one."""
    machine.snapshot(volume)
    with pytest.raises(RetentionUnsafe, match=f"would remove the newest snapshot of {volume}"):
        retain(machine.site, machine.local, _repository(machine, NOTHING))
    assert len(machine.local.snapshots()) == 1


def test_an_append_only_repository_is_refused(machine: Machine) -> None:
    """`forget` would exit with 0 there and remove nothing."""
    _history(machine)
    machine.local.calls.clear()
    with pytest.raises(RetentionUnsafe, match="append-only"):
        retain(machine.site, machine.local, _repository(machine, ONE_A_DAY, append_only=True))
    assert machine.local.calls == []


def test_a_repository_that_only_says_it_removed_is_found_out(machine: Machine) -> None:
    """Append-only without our being told: the listing afterwards is not the plan."""
    stubborn = FakeRestic("/fake/local", append_only=True)
    stubborn_machine = replace(machine, site=replace(machine.site, local=stubborn), local=stubborn)
    _history(stubborn_machine)
    with pytest.raises(RetentionUnsafe, match="is still there"):
        retain(stubborn_machine.site, stubborn, _repository(machine, ONE_A_DAY))


def test_a_plan_that_is_out_of_date_is_refused(machine: Machine) -> None:
    """What it would remove is not listed any more: nothing at all is removed."""
    _history(machine)
    planned = plan(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    machine.local.forget([planned.remove[0].id])
    with pytest.raises(RetentionUnsafe, match="nothing was removed"):
        apply(machine.local, planned)
    assert len(machine.local.snapshots()) == 5


@pytest.mark.parametrize("prune", [False, True])
def test_nothing_to_remove_prunes_where_that_is_due(machine: Machine, prune: bool) -> None:
    """What an interrupted run left goes, whether the policy removes something or not."""
    taken = machine.snapshot()
    planned = plan(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    assert planned == RetentionPlan(keep=(taken,), remove=())
    apply(machine.local, planned, prune=prune)
    assert ("prune" in machine.local.calls) is prune


def test_what_is_removed_is_pruned_once(machine: Machine) -> None:
    """Together with the forgetting."""
    _history(machine)
    planned = plan(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    apply(machine.local, planned, prune=True)
    assert "forget_and_prune" in machine.local.calls
    assert "prune" not in machine.local.calls


def test_an_empty_repository_has_nothing_to_forget(machine: Machine) -> None:
    """No snapshot of a volume is no newest one to lose."""
    machine.local.init()
    assert retain(machine.site, machine.local, _repository(machine, NOTHING)).remove == ()


@pytest.mark.parametrize("call", ["plan_retention", "forget_and_prune"])
def test_a_repository_that_fails_is_a_failure(machine: Machine, call: str) -> None:
    """At every step; nothing is reported as removed."""
    _history(machine)
    machine.local.faults = {call: Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        retain(machine.site, machine.local, _repository(machine, ONE_A_DAY))


def test_a_restic_that_is_too_old_forgets_nothing(machine: Machine) -> None:
    """Its plan cannot be believed."""
    _history(machine)
    machine.local.faults = {"require_version": Fault(ToolMissing("too old"))}
    with pytest.raises(ToolMissing):
        retain(machine.site, machine.local, _repository(machine, ONE_A_DAY))
    assert len(machine.local.snapshots()) == 6
