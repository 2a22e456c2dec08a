"""What is drilled: the newest snapshot, that of a day, or exactly the one that was named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alt_backup_assets.errors import NoSnapshot, RepositoryUnreachable
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.drill import newest_target, snapshot_target
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine


def test_the_newest_snapshot_is_the_target(machine: Machine) -> None:
    """By data time; of a day where one is asked for."""
    day = machine.site.today
    first = machine.snapshot()
    machine.clock.advance(days=1)
    second = machine.snapshot()
    assert newest_target(machine.site, DB).snapshot == second
    assert newest_target(machine.site, DB, day=day).snapshot == first
    with pytest.raises(NoSnapshot, match="db_data has no snapshot of 2026-11-22 in the local"):
        newest_target(machine.site, DB, day=day - timedelta(days=1))


def test_a_volume_without_a_snapshot_cannot_be_drilled(machine: Machine) -> None:
    """There is nothing to prove, and that is not a proof."""
    machine.snapshot(TOKENS)
    with pytest.raises(NoSnapshot, match="db_data has no snapshot in the local"):
        newest_target(machine.site, DB)


def test_a_snapshot_is_found_by_the_start_of_its_id(machine: Machine) -> None:
    """Its own, or in the offsite repository that of its source too."""
    snapshot = machine.snapshot()
    copy_snapshots(machine.site, [DB])
    (copy,) = machine.offsite.snapshots()
    assert snapshot_target(machine.site, DB, snapshot.short).snapshot == snapshot
    for name in (snapshot.short, copy.short):
        found = snapshot_target(machine.site, DB, name, source="offsite")
        assert (found.snapshot, found.source) == (copy, "offsite")


@pytest.mark.parametrize(("name", "count"), [("0000ffff", "no"), ("", "2")])
def test_an_id_of_none_or_of_several_is_refused(machine: Machine, name: str, count: str) -> None:
    """Which one was meant is not guessed."""
    for _ in range(2):
        machine.snapshot()
        machine.clock.advance(hours=1)
    with pytest.raises(NoSnapshot, match=f"db_data has {count} snapshots"):
        snapshot_target(machine.site, DB, name)


def test_another_volumes_snapshot_is_not_found(machine: Machine) -> None:
    """An id is looked for among the volume's own."""
    other = machine.snapshot(TOKENS)
    with pytest.raises(NoSnapshot):
        snapshot_target(machine.site, DB, other.id)


def test_a_repository_that_is_not_there_has_no_target(machine: Machine) -> None:
    """Not configured, or not answering: said as such."""
    with pytest.raises(NoSnapshot, match=r"no `repositories\.offsite`"):
        newest_target(replace(machine.site, offsite=None), DB, source="offsite")
    machine.offsite.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        newest_target(machine.site, DB, source="offsite")
