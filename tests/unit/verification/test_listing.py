"""One listing for all drills of a run: asked once, and never made better than it was."""

from __future__ import annotations

import pytest

from alt_backup_assets.errors import NoSnapshot, RepositoryUnreachable
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.drill_all import drill_all
from alt_backup_assets.verification.listing import Listing
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine


@pytest.fixture(name="backed_up")
def _backed_up(machine: Machine) -> Machine:
    machine.back_up()
    machine.local.calls.clear()
    return machine


def _drill(machine: Machine, listing: Listing, notes: list[str]) -> dict[str, str | None]:
    ended = drill_all(
        machine.site,
        machine.site.registry.planned,
        lambda volume: listing.newest(volume.name),
        notify=notes.append,
    )
    return {done.volume: done.error for done in ended}


def test_a_run_of_drills_lists_once(backed_up: Machine) -> None:
    """The second listing is that of the ledger, when the proofs are put in."""
    backed_up.drill()  # from now on there is a ledger
    backed_up.local.calls.clear()
    assert _drill(backed_up, Listing(backed_up.site), []) == {DB: None, TOKENS: None}
    assert backed_up.local.calls.count("snapshots") == 2
    assert backed_up.local.calls.count("restore") == 2


def test_a_listing_that_failed_fails_every_volume(backed_up: Machine) -> None:
    """The repository is not asked again for each, and none is taken for proven."""
    backed_up.local.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    assert _drill(backed_up, Listing(backed_up.site), []) == {DB: "gone", TOKENS: "gone"}
    assert backed_up.local.calls.count("snapshots") == 1
    assert "restore" not in backed_up.local.calls


def test_a_snapshot_that_went_after_the_listing_fails(backed_up: Machine) -> None:
    """It was listed, and cannot be restored any more."""
    listing = Listing(backed_up.site)
    target = listing.newest(DB)
    backed_up.local.forget([target.snapshot.id])
    ended = _drill(backed_up, listing, [])
    assert "has no snapshot" in str(ended[DB])
    assert ended[TOKENS] is None


def test_one_snapshot_is_found_by_its_id(backed_up: Machine) -> None:
    """Or by the start of it; another id is none of the volume's."""
    listing = Listing(backed_up.site)
    newest = listing.newest(DB)
    assert listing.by_id(DB, newest.snapshot.id[:12]) == newest
    with pytest.raises(NoSnapshot):
        listing.by_id(TOKENS, newest.snapshot.id)
    assert backed_up.local.calls.count("snapshots") == 1


def test_the_offsite_repository_has_a_listing_of_its_own(backed_up: Machine) -> None:
    """A snapshot that was not copied is not found there."""
    copy_snapshots(backed_up.site, [DB])
    listing = Listing(backed_up.site, "offsite")
    assert listing.newest(DB).source == "offsite"
    with pytest.raises(NoSnapshot, match="in the offsite repository"):
        listing.newest(TOKENS)


def test_the_largest_is_drilled_first(backed_up: Machine) -> None:
    """The longest drill does not begin when all others have ended."""
    backed_up.clock.advance(hours=1)
    backed_up.write(b"rows" * 1000, TOKENS)
    backed_up.back_up()
    notes: list[str] = []
    _drill(backed_up, Listing(backed_up.site), notes)
    begun = [note.partition(":")[0] for note in notes if "drilling" in note]
    assert begun == [TOKENS, DB]
