"""What is in a ClickHouse database, while tables of it come and go."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.clickhouse.content import take
from alt_backup_assets.dumps.inventory import Inventory, settled
from alt_backup_assets.errors import ServiceVanished, ToolFailed, ToolTimeout
from alt_backup_assets.tools.clickhouse import Row

GONE = "Code: 60. DB::Exception: Table alt.staging does not exist. (UNKNOWN_TABLE)"


class FakeDatabase:
    """A database of two tables, one of which cannot be counted."""

    def __init__(self, error: Exception | None = None, *, dropped: bool = False) -> None:
        self.names = ["events", "staging"]
        self.error = error
        self.dropped = dropped

    def ask(self, query: str) -> list[Row]:
        """Answer as the server would."""
        if "system.tables" in query:
            asked = [name for name in self.names if f"AND name = '{name}'" in query]
            return [_listed(name) for name in (asked if "AND name" in query else self.names)]
        if "staging" in query and self.error:
            if self.dropped:
                self.names.remove("staging")
            raise self.error
        return [{"n": "3", "hash": "7"}]


def _listed(name: str) -> Row:
    made = f"CREATE TABLE alt.{name} (a UInt8)"
    return {"name": name, "engine": "MergeTree", "id": f"1-{name}", "made": made}


EVENTS = ["database alt", "schema alt.events", "table alt.events"]


def test_a_table_that_is_dropped_before_it_is_counted() -> None:
    """It is left out with its schema; the others are there."""
    items = take(FakeDatabase(ToolFailed(GONE, 404), dropped=True).ask, "alt")
    assert [item.name for item in items] == EVENTS


def test_a_table_that_is_dropped_after_the_backup() -> None:
    """It may be in the archive or not: a drill takes both, and misses any other table."""
    before = take(FakeDatabase().ask, "alt")
    after = take(FakeDatabase(ToolFailed(GONE, 404), dropped=True).ask, "alt")
    recorded = Inventory(unit="rows", items=settled(before, after))
    for restored in (before, after):
        assert recorded.differences(Inventory(unit="rows", items=restored)) == ()
    assert recorded.differences(Inventory(unit="rows", items=before[:1])) == (
        "schema alt.events is missing",
        "table alt.events is missing",
    )


@pytest.mark.parametrize(
    ("error", "dropped"),
    [
        (ToolFailed("Code: 47. DB::Exception: (UNKNOWN_IDENTIFIER)", 404), False),
        (ToolFailed("Code: 497. DB::Exception: (ACCESS_DENIED)", 403), True),
        (ToolFailed("Code: 241. DB::Exception: (MEMORY_LIMIT_EXCEEDED)", 500), False),
        (ToolTimeout("not answered"), True),
        (ServiceVanished("gone"), True),
    ],
)
def test_a_table_that_cannot_be_counted(error: Exception, dropped: bool) -> None:
    """For any other reason, or while it is still listed: that is no dump."""
    with pytest.raises(type(error)) as raised:
        take(FakeDatabase(error, dropped=dropped).ask, "alt")
    assert raised.value is error
