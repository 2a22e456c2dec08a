"""The claim that copies cannot be deleted: tried, and believed only as long as the try is new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import ConfigurationError, RepositoryError, RepositoryUnreachable
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.snapshots.tags import CANARY
from alt_backup_assets.status.read import read_status
from alt_backup_assets.verification.canary import newest_test, try_to_delete
from alt_backup_assets.verification.ledger import publish
from tests.fakes.restic import FakeRestic, Fault
from tests.fakes.site import DB, TOKENS, Machine


def _claiming(machine: Machine, *, keeps: bool) -> Machine:
    """Say the target is append-only, and make it one or not."""
    settings = machine.site.config.model_dump()
    settings["repositories"]["offsite"]["append_only"] = True
    offsite = FakeRestic("/fake/offsite", append_only=keeps, exists=True)
    site = replace(machine.site, config=Configuration.model_validate(settings), offsite=offsite)
    return replace(machine, site=site, offsite=offsite)


@pytest.fixture(name="kept")
def _kept(machine: Machine) -> Machine:
    """Return a good machine whose copies cannot be deleted."""
    return _good(_claiming(machine, keeps=True))


def _good(machine: Machine) -> Machine:
    machine.back_up()
    for volume in (DB, TOKENS):
        machine.drill(volume)
    publish(machine.site)
    copy_snapshots(machine.site, (DB, TOKENS))
    return machine


def test_a_canary_that_survives_makes_the_claim_true(kept: Machine) -> None:
    """Judged by the listing; before the try nothing is claimed, although it is configured."""
    assert not read_status(kept.site).posture.undeletable
    result = try_to_delete(kept.site)
    assert result.survived
    assert newest_test(kept.site) == result
    status = read_status(kept.site)
    assert (status.verdict, status.posture.undeletable) == ("GOOD", True)


def test_a_canary_that_goes_makes_the_claim_a_warning(machine: Machine) -> None:
    """The configuration says one thing, and the try another; nothing of the canary is left."""
    good = _good(_claiming(machine, keeps=False))
    assert not try_to_delete(good.site).survived
    status = read_status(good.site)
    assert (status.verdict, status.posture.undeletable) == ("WARNING", False)
    assert "a canary was deleted there" in status.reasons[0]
    assert good.offsite.snapshots(tag=CANARY) == ()


def test_a_target_that_claims_nothing_is_only_found_deletable(machine: Machine) -> None:
    """A fact of the posture, and no warning."""
    _good(machine)
    assert not try_to_delete(machine.site).survived
    status = read_status(machine.site)
    assert (status.verdict, status.posture.undeletable) == ("GOOD", False)


@pytest.mark.parametrize(("days", "believed"), [(8, True), (9, False)])
def test_a_try_is_believed_for_eight_days(kept: Machine, days: int, believed: bool) -> None:
    """A server's settings change; what was true last month is no fact."""
    try_to_delete(kept.site)
    kept.clock.advance(days=days)
    assert read_status(kept.site).posture.undeletable is believed


def test_a_canary_is_in_no_listing_of_ours(kept: Machine) -> None:
    """Neither in counts nor among the snapshots of the platform."""
    before = (kept.offsite.snapshots(host="fake"), read_status(kept.site).actual_volumes)
    kept.clock.advance(hours=30)
    try_to_delete(kept.site)
    assert (kept.offsite.snapshots(host="fake"), read_status(kept.site).actual_volumes) == before
    (canary,) = kept.offsite.snapshots(tag=CANARY)
    assert canary.tags == (CANARY,)
    assert not list(kept.site.state.glob(".canary-*"))


def test_a_surviving_canary_is_tried_again_for_a_week(kept: Machine) -> None:
    """One a day would pile up where nothing can be deleted."""
    first = try_to_delete(kept.site)
    kept.clock.advance(days=6)
    assert try_to_delete(kept.site).snapshot == first.snapshot
    kept.clock.advance(days=2)
    assert try_to_delete(kept.site).snapshot != first.snapshot
    assert len(kept.offsite.snapshots(tag=CANARY)) == 2


@pytest.mark.parametrize("call", ["backup", "forget", "snapshots"])
def test_what_fails_in_another_way_proves_nothing(kept: Machine, call: str) -> None:
    """A network that is down also deletes nothing: no result is recorded."""
    kept.offsite.faults = {call: Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        try_to_delete(kept.site)
    assert newest_test(kept.site) is None
    assert not list(kept.site.state.glob(".canary-*"))


def test_a_try_on_another_target_says_nothing_of_this_one(kept: Machine) -> None:
    """The operator moved the offsite repository."""
    try_to_delete(kept.site)
    moved = replace(kept.site, offsite=FakeRestic("/fake/moved", exists=True))
    assert newest_test(moved) is None


def test_a_record_that_is_damaged_is_a_warning(kept: Machine) -> None:
    """Nobody knows what came of it; the next try replaces it."""
    try_to_delete(kept.site)
    (kept.site.state / "canary.json").write_text("{")
    with pytest.raises(RepositoryError, match="nobody knows"):
        newest_test(kept.site)
    status = read_status(kept.site)
    assert (status.verdict, status.posture.undeletable) == ("WARNING", False)
    try_to_delete(kept.site)
    assert read_status(kept.site).verdict == "GOOD"


def test_copies_that_are_not_all_there_are_not_called_undeletable(kept: Machine) -> None:
    """The claim counts for a copy of every volume."""
    try_to_delete(kept.site)
    gone = kept.offsite.snapshots(tag=TOKENS)[-1]
    del kept.offsite._snapshots[gone.id]
    assert not read_status(kept.site).posture.undeletable


def test_without_an_offsite_repository_there_is_nothing_to_try(machine: Machine) -> None:
    """That is an error, not a survival."""
    with pytest.raises(ConfigurationError):
        try_to_delete(replace(machine.site, offsite=None))
