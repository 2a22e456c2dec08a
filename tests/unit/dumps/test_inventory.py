"""What an engine found, compared part by part; and what changed while it was read."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.inventory import Inventory, Item, settled


def _of(*items: Item) -> Inventory:
    return Inventory(unit="rows", items=items)


USERS = Item(name="users", count=3, content="aa")
EVENTS = Item(name="events", count=9, content="bb")


def test_equal_parts_have_no_difference() -> None:
    """What came back as it was is equal, line by line."""
    recorded = _of(USERS, EVENTS)
    assert recorded.differences(_of(EVENTS, USERS)) == ()
    assert [line.equal for line in recorded.compared(_of(EVENTS, USERS))] == [True, True]


@pytest.mark.parametrize(
    ("restored", "said"),
    [
        (_of(USERS), "events is missing"),
        (_of(USERS, EVENTS, Item(name="more", count=0)), "more was not in the source"),
        (
            _of(USERS, EVENTS.model_copy(update={"count": 8})),
            "events has 8 rows, 9 were recorded",
        ),
        (
            _of(USERS, EVENTS.model_copy(update={"content": "cc"})),
            "events has other content in its 9 rows",
        ),
    ],
    ids=["missing", "extra", "fewer", "other content"],
)
def test_every_difference_is_a_sentence(restored: Inventory, said: str) -> None:
    """A part that is missing, unexpected, shorter or different is named."""
    recorded = _of(USERS, EVENTS)
    assert recorded.differences(restored) == (said,)


def test_settings_are_not_compared() -> None:
    """How the source was set up may differ in a throw-away target."""
    recorded = Inventory(unit="rows", items=(USERS,), settings={"dir": "/data"})
    assert recorded.differences(_of(USERS)) == ()


def test_what_stayed_the_same_is_exact() -> None:
    """A part nobody wrote to is compared with its hash."""
    (item,) = settled((USERS,), (USERS,))
    assert item == USERS
    assert not item.holds(USERS.model_copy(update={"content": "other"}))


def test_what_grew_is_known_within_its_counts() -> None:
    """A part that changed meanwhile may be anything in between, and nothing else."""
    grown = EVENTS.model_copy(update={"count": 12, "content": "cc"})
    recorded = _of(*settled((EVENTS,), (grown,)))
    assert recorded.counts() == {"parts": 1, "rows": 9, "changed_while_read": 1}
    for count in (9, 10, 12):
        assert recorded.differences(_of(Item(name="events", count=count))) == ()
    for count in (8, 13):
        assert recorded.differences(_of(Item(name="events", count=count))) == (
            f"events has {count} rows, 9 to 12 were recorded",
        )
    assert recorded.differences(_of()) == ("events is missing",)


@pytest.mark.parametrize("when", [((), (USERS,)), ((USERS,), ())], ids=["came", "went"])
def test_what_came_or_went_may_be_missing(when: tuple[tuple[Item, ...], ...]) -> None:
    """Whether the dump has it cannot be known, but it never has more than there was."""
    recorded = _of(*settled(*when))
    assert recorded.differences(_of()) == ()
    assert recorded.differences(_of(USERS)) == ()
    too_many = Item(name="users", count=4)
    assert recorded.differences(_of(too_many)) == ("users has 4 rows, 0 to 3 were recorded",)
