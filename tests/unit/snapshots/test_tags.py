"""Tags: a listing alone says which volume, which day and which dump."""

from __future__ import annotations

from datetime import date

from alt_backup_assets.snapshots.tags import (
    DumpTags,
    by_tag,
    day_tag,
    dump_ids,
    of_volume,
    volume_of,
)
from tests.fakes.site import DB, TOKENS, Machine


def test_a_snapshot_says_what_it_is_of(machine: Machine) -> None:
    """Scheduled, its day in the configured zone, its volume and its dump."""
    machine.clock.advance(hours=4)  # past midnight in Tokyo
    record = machine.dump().record
    assert DumpTags.of(record).all == (
        *("scheduled", "20261124", "db_data"),
        "dump:db_data:20261123T160000.000000Z",
    )
    assert not any("," in tag for tag in DumpTags.of(record).all)


def test_a_day_is_eight_digits() -> None:
    """The decision record's form."""
    assert day_tag(date(2026, 1, 2)) == "20260102"


def test_snapshots_are_told_apart_by_volume(machine: Machine) -> None:
    """Oldest data first, and never another volume's."""
    first = machine.snapshot(DB)
    machine.clock.advance(hours=1)
    second, other = machine.snapshot(DB), machine.snapshot(TOKENS)
    listed = (other, second, first)
    assert of_volume(listed, DB) == (first, second)
    assert of_volume(listed, TOKENS) == (other,)
    assert of_volume(listed, "db") == ()
    sorted_by_tag = by_tag(listed)
    assert sorted_by_tag[DB] == (first, second)
    assert sorted_by_tag[TOKENS] == (other,)
    assert "db" not in sorted_by_tag


def test_a_volume_is_found_by_its_dump(machine: Machine) -> None:
    """Known to the registry or not; the ledger is of none."""
    snapshot = machine.snapshot()
    assert volume_of(snapshot) == DB
    assert volume_of(snapshot.model_copy(update={"tags": ("dump:gone:20260101T0Z",)})) == "gone"
    assert volume_of(snapshot.model_copy(update={"tags": ("ledger",)})) is None
    assert volume_of(snapshot.model_copy(update={"tags": ()})) is None


def test_the_dumps_that_are_held_are_known(machine: Machine) -> None:
    """By volume; a dump of one says nothing about another's."""
    first, second = machine.take(DB), machine.take(TOKENS)
    listed = (first.snapshot, second.snapshot)
    assert dump_ids(listed, DB) == {first.dump.record.dump_id}
    assert dump_ids(listed, "db_dat") == frozenset()
    assert dump_ids((), DB) == frozenset()
