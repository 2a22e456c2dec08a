"""What is in a ClickHouse database: rows and a hash of them per table, and every schema.

The same queries at the source and in the restored copy. The hash is a sum over the rows, so
their order does not matter and a row that is there twice counts twice.

Source: ClickHouse, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp (UNKNOWN_TABLE is a 404, and so
is what else a query names that is not there).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.tools.clickhouse import Ask, Row, name, text
from alt_backup_assets.tools.http import NOT_FOUND

UNIT = "rows"
# BACKUP saves the rows of these; of all others it saves how they are made.
_WITH_ROWS = re.compile(r".*MergeTree|Log|TinyLog|StripeLog|Memory")
# Background merges join rows of these at any time; FINAL sees them as already joined.
_JOINING = re.compile(r".*(Replacing|Summing|Aggregating|Collapsing|Coalescing|Graphite).*")
_WITHOUT_ROWS = frozenset({"View", "MaterializedView", "LiveView", "WindowView", "Dictionary"})
_DATABASE = "database "
_INNER = ".inner_id."


@dataclass(frozen=True)
class Table:
    """One table of a database.

    Attributes:
        name: Its real name.
        shown: The same where the name is made of another table's UUID, which no restore keeps.
        engine: Such as ``MergeTree``.
        schema: A hash of its definition, whatever its database is called.
    """

    name: str
    shown: str
    engine: str
    schema: str

    @property
    def has_rows(self) -> bool:
        """Whether a backup has its rows."""
        return _WITH_ROWS.fullmatch(self.engine) is not None

    @property
    def has_parts(self) -> bool:
        """Whether its rows are in parts, each of which counts for itself."""
        return self.engine.endswith("MergeTree") and not _JOINING.fullmatch(self.engine)

    @property
    def is_elsewhere(self) -> bool:
        """Whether its rows are kept where no backup of this server reaches them."""
        return not self.has_rows and self.engine not in _WITHOUT_ROWS


def tables(ask: Ask, database: str) -> tuple[Table, ...]:
    """Return the tables, views and dictionaries of a database, by name."""
    found = ask(
        "SELECT name, engine, toString(uuid) AS id, create_table_query AS made FROM system.tables"
        f" WHERE database = {text(database)} AND NOT is_temporary ORDER BY name"
    )
    owners = {str(row["id"]): str(row["name"]) for row in found}
    made = (_table(row, database, owners) for row in found)
    return tuple(sorted(made, key=lambda table: table.shown))


def databases(recorded: Inventory) -> tuple[str, ...]:
    """Return the names of the databases that were recorded."""
    names = (item.name for item in recorded.items)
    return tuple(n.removeprefix(_DATABASE) for n in names if n.startswith(_DATABASE))


def take(ask: Ask, database: str, shown: str | None = None) -> tuple[Item, ...]:
    """Take the content of a database.

    Args:
        ask: Sends a query.
        database: Its name here.
        shown: Its name at the source; None for the same.

    Returns:
        A part for the database, and two for each table: its schema, and its rows where it has
        any. A table that is dropped before it is counted has none.
    """
    found = tables(ask, database)
    label = shown or database
    items = [Item(name=f"{_DATABASE}{label}", count=0)]
    for table in found:
        try:
            items += _parts(ask, database, table, f"{label}.{table.shown}")
        except ToolFailed as error:
            if error.exit_code != NOT_FOUND or _is_there(ask, database, table):
                raise
    return tuple(sorted(items, key=lambda item: item.name))


def _is_there(ask: Ask, database: str, table: Table) -> bool:
    where = f"database = {text(database)} AND name = {text(table.name)}"
    return bool(ask(f"SELECT name FROM system.tables WHERE {where}"))


def _parts(ask: Ask, database: str, table: Table, where: str) -> list[Item]:
    schema = Item(name=f"schema {where}", count=0, content=table.schema)
    if not table.has_rows:
        return [schema]
    return [schema, _rows(ask, database, table, f"table {where}")]


def _rows(ask: Ask, database: str, table: Table, label: str) -> Item:
    # Of the text of a row: cityHash64 of columns is NULL, and not counted, where one is NULL.
    final = " FINAL" if _JOINING.fullmatch(table.engine) else ""
    (row,) = ask(
        "SELECT toString(count()) AS n, toString(sum(cityHash64(toString(tuple(*))))) AS hash"
        f" FROM {name(database)}.{name(table.name)}{final}"
    )
    return Item(name=label, count=int(str(row["n"])), content=str(row["hash"]))


def _table(row: Row, database: str, owners: dict[str, str]) -> Table:
    real = str(row["name"])
    owner = owners.get(real.removeprefix(_INNER)) if real.startswith(_INNER) else None
    return Table(
        name=real,
        shown=f"rows of {owner}" if owner else real,
        engine=str(row["engine"]),
        schema=_schema(str(row["made"]), database, owners),
    )


def _schema(made: str, database: str, owners: dict[str, str]) -> str:
    for identity, owner in owners.items():
        made = made.replace(identity, f"id of {owner}")
    here = rf"(?<![\w`])(?:{re.escape(database)}|{re.escape(name(database))})\."
    return hashlib.sha256(re.sub(here, "HERE.", made).encode()).hexdigest()
