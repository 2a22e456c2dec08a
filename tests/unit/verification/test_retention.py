"""Offsite retention: its own policy, and none where nothing can be removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alt_backup_assets.offsite.retention import retain_copies

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import ConfigurationError, RepositoryUnreachable, RetentionUnsafe
from alt_backup_assets.offsite.copy import copy_snapshots
from tests.fakes.restic import Fault
from tests.fakes.site import DB, Machine


def _with_offsite(machine: Machine, **changes: object) -> Machine:
    """Change what the configuration says of the offsite repository."""
    config = machine.site.config.model_dump()
    config["repositories"]["offsite"] |= changes
    return replace(machine, site=replace(machine.site, config=Configuration.model_validate(config)))


@pytest.fixture(name="copied")
def _copied(machine: Machine) -> Machine:
    """Return a machine with copies of four days."""
    for _ in range(4):
        machine.snapshot()
        machine.clock.advance(days=1)
    copy_snapshots(machine.site, [DB])
    return machine


def test_copies_are_forgotten_by_their_own_policy(copied: Machine) -> None:
    """The local repository keeps what it keeps."""
    policy = {"hourly": 0, "daily": 2, "weekly": 0, "monthly": 0}
    planned = retain_copies(_with_offsite(copied, retention=policy).site)
    assert planned is not None
    assert (len(planned.keep), len(planned.remove)) == (2, 2)
    assert len(copied.offsite.snapshots()) == 2
    assert len(copied.local.snapshots()) == 4


def test_the_shipped_policy_keeps_thirty_days(copied: Machine) -> None:
    """Four days of copies all stay."""
    planned = retain_copies(copied.site)
    assert planned is not None
    assert planned.remove == ()


def test_an_append_only_target_keeps_everything(copied: Machine) -> None:
    """None is returned, so that nobody reports a retention that did not run."""
    copied.offsite.calls.clear()
    assert retain_copies(_with_offsite(copied, append_only=True).site) is None
    assert copied.offsite.calls == []


def test_the_newest_copy_is_never_removed(copied: Machine) -> None:
    """Whatever the policy says."""
    policy = {"hourly": 0, "daily": 0, "weekly": 0, "monthly": 0}
    with pytest.raises(RetentionUnsafe, match="newest snapshot of db_data"):
        retain_copies(_with_offsite(copied, retention=policy).site)
    assert len(copied.offsite.snapshots()) == 4


def test_a_target_that_is_gone_is_a_failure(copied: Machine) -> None:
    """Not an empty plan."""
    copied.offsite.faults = {"plan_retention": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        retain_copies(copied.site)


def test_without_an_offsite_repository_there_is_nothing_to_retain(machine: Machine) -> None:
    """That is an error, not a success."""
    with pytest.raises(ConfigurationError):
        retain_copies(replace(machine.site, offsite=None))
