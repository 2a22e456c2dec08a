"""Offsite copies: confirmed by the other listing, never a mirror, each side named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from alt_backup_assets.errors import (
    ConfigurationError,
    CopyUnconfirmed,
    RepositoryError,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
    ToolMissing,
    VolumesFailed,
    WrongPassword,
)
from alt_backup_assets.offsite.copy import copy_snapshots, require_copies, target, uncopied
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.tools.restic import Restic
from tests.fakes.restic import FakeRestic, Fault
from tests.fakes.site import DB, TOKENS, Machine

BOTH = (DB, TOKENS)


def _without_offsite(machine: Machine) -> Machine:
    return replace(machine, site=replace(machine.site, offsite=None))


def test_a_snapshot_is_copied_and_confirmed(machine: Machine, tmp_path: Path) -> None:
    """It has an id of its own there, names its source, and holds the same."""
    source = machine.snapshot()
    (copied,) = copy_snapshots(machine.site, [DB])
    assert (copied.volume, copied.source, copied.is_new) == (DB, source, True)
    assert copied.copy in machine.offsite.snapshots()
    assert copied.copy.id != source.id
    assert copied.copy.original == source.id
    machine.offsite.restore(copied.copy.id, tmp_path / "back")
    assert (tmp_path / "back/data.bin").read_bytes() == b"rows of db_data"


def test_every_volume_is_copied(machine: Machine) -> None:
    """In one go, a result for each."""
    for volume in BOTH:
        machine.snapshot(volume)
    assert [copied.volume for copied in copy_snapshots(machine.site, BOTH)] == [DB, TOKENS]
    assert machine.offsite.calls.count("copy_from") == 1


def test_only_the_volumes_asked_for_are_copied(machine: Machine) -> None:
    """The others stay where they are."""
    for volume in BOTH:
        machine.snapshot(volume)
    copy_snapshots(machine.site, [TOKENS])
    assert [snapshot.tags[2] for snapshot in machine.offsite.snapshots()] == [TOKENS]


def test_what_was_missed_is_made_up_for(machine: Machine) -> None:
    """Three days without the offsite, and all three snapshots follow."""
    for _ in range(3):
        machine.snapshot()
        machine.clock.advance(days=1)
    copy_snapshots(machine.site, [DB])
    assert len(machine.offsite.snapshots()) == 3


def test_what_is_there_already_is_not_copied_again(machine: Machine) -> None:
    """The second time says so and asks restic for nothing."""
    machine.snapshot()
    (first,) = copy_snapshots(machine.site, [DB])
    (again,) = copy_snapshots(machine.site, [DB])
    assert again == replace(first, is_new=False)
    assert machine.offsite.calls.count("copy_from") == 1


def test_what_the_offsite_retention_removed_is_not_copied_again(machine: Machine) -> None:
    """Older than the newest copy and no longer there: that was the policy's decision."""
    for _ in range(3):
        machine.snapshot()
        copy_snapshots(machine.site, [DB])
        machine.clock.advance(days=1)
    oldest, *_ = machine.offsite.snapshots()
    machine.offsite.forget([oldest.id])
    copy_snapshots(machine.site, [DB])
    assert len(machine.offsite.snapshots()) == 2


def test_what_the_local_retention_removed_stays_offsite(machine: Machine) -> None:
    """A copy is never a mirror of deletions."""
    old = machine.snapshot()
    copy_snapshots(machine.site, [DB])
    machine.local.forget([old.id])
    machine.clock.advance(days=1)
    machine.snapshot()
    copy_snapshots(machine.site, [DB])
    assert old.id in {snapshot.original for snapshot in machine.offsite.snapshots()}


def test_a_newest_snapshot_that_looks_older_is_copied(machine: Machine) -> None:
    """A clock that ran ahead for a day must not keep all later data at home."""
    machine.clock.advance(days=30)
    ahead = machine.snapshot()
    copy_snapshots(machine.site, [DB])
    machine.local.forget([ahead.id])
    machine.clock.advance(days=-29)
    newest = machine.snapshot()
    (copied,) = copy_snapshots(machine.site, [DB])
    assert (copied.source, copied.is_new) == (newest, True)


def test_the_same_dump_in_a_new_repository_is_copied(machine: Machine) -> None:
    """The local repository was lost and made anew: an equal time is not an equal snapshot."""
    machine.snapshot()
    copy_snapshots(machine.site, [DB])
    fresh = FakeRestic("/fake/new")
    renewed = replace(machine, site=replace(machine.site, local=fresh), local=fresh)
    (dumped,) = renewed.back_up(dumps=(), snapshots=[DB]).values()
    assert dumped.snapshot is not None
    (copied,) = copy_snapshots(renewed.site, [DB])
    assert (copied.source, copied.is_new) == (dumped.snapshot.snapshot, True)


def test_the_ledger_is_copied_too(machine: Machine) -> None:
    """Proofs survive the machine; they are no volume and no result."""
    machine.snapshot()
    (machine.site.state / "ledger").mkdir()
    machine.local.backup(
        machine.site.state / "ledger", host="fake", tags=[LEDGER], taken_at=machine.clock.at
    )
    assert [copied.volume for copied in copy_snapshots(machine.site, [DB])] == [DB]
    assert len(machine.offsite.snapshots(tag=LEDGER)) == 1


def test_a_day_is_copied_by_its_own_snapshot(machine: Machine) -> None:
    """For a past day the result is that day's snapshot, not the newest."""
    first = machine.snapshot()
    machine.clock.advance(days=1)
    machine.snapshot()
    (copied,) = copy_snapshots(machine.site, [DB], day=date(2026, 11, 23))
    assert copied.source == first
    assert copy_snapshots(machine.site, [DB], day=date(2026, 11, 20)) == ()


def test_a_volume_without_a_snapshot_has_no_copy(machine: Machine) -> None:
    """It has no result, and whoever needs all of them is told."""
    machine.snapshot(DB)
    copies = copy_snapshots(machine.site, BOTH)
    assert [copied.volume for copied in copies] == [DB]
    require_copies(copies, [DB])
    with pytest.raises(VolumesFailed, match="nothing was copied") as caught:
        require_copies(copies, BOTH)
    assert list(caught.value.failures) == [TOKENS]


class _Silent(FakeRestic):
    """A repository whose copy ends with 0 and copies nothing."""

    def copy_from(self, source: Restic, ids: Sequence[str]) -> None:  # noqa: ARG002 -- silent
        """Say it is done."""
        self.calls.append("copy_from")


def test_a_copy_that_is_not_listed_is_not_believed(machine: Machine) -> None:
    """An exit code of 0 is what restic gives for ids it does not find: only the listing counts."""
    source = machine.snapshot()
    silent = _Silent("/fake/offsite")
    site = replace(machine.site, offsite=silent)
    with pytest.raises(
        CopyUnconfirmed, match=f"does not list the copies of: {source.short} .*{DB}"
    ):
        copy_snapshots(site, [DB])


@pytest.mark.parametrize(
    "error", [WrongPassword("no"), RepositoryUnreachable("no"), RepositoryError("no")]
)
def test_the_side_that_does_not_open_is_named(machine: Machine, error: RepositoryError) -> None:
    """The exit codes of restic do not tell; opening each side first does."""
    machine.snapshot()
    machine.offsite.faults = {"init": Fault(error)}
    with pytest.raises(type(error), match="the offsite repository does not open: no"):
        copy_snapshots(machine.site, [DB])
    machine.local.faults = {"open": Fault(error)}
    with pytest.raises(type(error), match="the local repository does not open: no"):
        copy_snapshots(machine.site, [DB])
    assert machine.offsite.calls.count("copy_from") == 0


def test_a_source_that_was_never_made_is_named(machine: Machine) -> None:
    """No offsite repository is initialised from nothing."""
    with pytest.raises(RepositoryMissing, match="the local repository does not open"):
        copy_snapshots(machine.site, [DB])
    assert "init" not in machine.offsite.calls


def test_a_restic_that_is_too_old_copies_nothing(machine: Machine) -> None:
    """It does not know what it is asked."""
    machine.snapshot()
    machine.offsite.faults = {"require_version": Fault(ToolMissing("too old"))}
    with pytest.raises(ToolMissing, match="too old"):
        copy_snapshots(machine.site, [DB])


@pytest.mark.parametrize("error", [RepositoryLocked("by PID 99"), RepositoryUnreachable("gone")])
def test_a_side_that_is_gone_for_a_moment_is_tried_again(
    machine: Machine, error: RepositoryError
) -> None:
    """A short break of the network does not cost the day's copy."""
    machine.snapshot()
    machine.offsite.faults = {1: Fault(error)}  # after require_version
    assert len(copy_snapshots(machine.site, [DB])) == 1


@pytest.mark.parametrize("call", ["snapshots", "copy_from"])
def test_a_copy_that_fails_is_a_failure(machine: Machine, call: str) -> None:
    """Nothing is returned that was not confirmed."""
    machine.snapshot()
    machine.offsite.faults = {call: Fault(RepositoryError("connection lost"))}
    with pytest.raises(RepositoryError, match="connection lost"):
        copy_snapshots(machine.site, [DB])


def test_a_kill_after_the_copy_converges(machine: Machine) -> None:
    """It is there although nobody was told: the rerun confirms it and copies nothing."""
    machine.snapshot()
    machine.offsite.faults = {"copy_from": Fault(RepositoryError("killed"), after=True)}
    with pytest.raises(RepositoryError, match="killed"):
        copy_snapshots(machine.site, [DB])
    machine.offsite.faults = {}
    (copied,) = copy_snapshots(machine.site, [DB])
    assert not copied.is_new
    assert len(machine.offsite.snapshots()) == 1


def test_without_an_offsite_repository_nothing_is_pretended(machine: Machine) -> None:
    """Asking for a copy that cannot be is an error of the configuration."""
    site = _without_offsite(machine).site
    for ask in (lambda: target(site), lambda: uncopied(site, [DB])):
        with pytest.raises(ConfigurationError, match=r"repositories\.offsite"):
            ask()
    with pytest.raises(ConfigurationError):
        copy_snapshots(site, [DB])


def test_a_preview_tells_what_would_be_copied(machine: Machine) -> None:
    """Before there is a target, and after a copy; and it makes nothing."""
    first = machine.snapshot()
    assert uncopied(machine.site, BOTH) == (first,)
    assert "init" not in machine.offsite.calls
    copy_snapshots(machine.site, BOTH)
    assert uncopied(machine.site, BOTH) == ()
    machine.clock.advance(days=1)
    second = machine.snapshot()
    assert uncopied(machine.site, BOTH) == (second,)
    assert machine.offsite.calls.count("copy_from") == 1


@pytest.mark.parametrize("side", ["local", "offsite"])
def test_a_preview_names_the_side_that_does_not_open(machine: Machine, side: str) -> None:
    """A target that cannot be reached is not an empty one."""
    machine.snapshot()
    repository = machine.local if side == "local" else machine.offsite
    repository.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable, match=f"the {side} repository does not open"):
        uncopied(machine.site, [DB])
