"""One hash of one row: the expression that a fingerprint sums up.

Two ways. By text: what pg_dump would print of the row. Binary: what the server would send of it,
in about two thirds of the time. Both see every difference that a dump can carry; a hash of the
values themselves would not: to it 1.0 is 1.00, 0 is -0, and 1 is 4294967296.

Source: PostgreSQL's record_send, hash_record_extended and the send functions of its types.
"""

from __future__ import annotations

from collections.abc import Sequence

from alt_backup_assets.dumps.postgresql.content import Hashing
from alt_backup_assets.tools.postgresql import identifier

Columns = Sequence[tuple[str, str]]
"""Name and type of every column, ordered by name; a type that is not built in has no name."""

# ROW(x.*) and not x: a column that is itself called x would be taken instead of the row.
_BY_TEXT = "pg_catalog.hashtextextended(ROW(x.*)::text, 0)"

# What is sent the same if, and only if, its text is the same. Not so arrays, which send how they
# are stored; and what carries the number of a type of the database's own is taken as text.
_EXACT = (
    *("bool", "bytea", "char", "int2", "int4", "int8", "oid", "numeric", "uuid", "json", "jsonb"),
    *("text", "varchar", "bpchar", "name", "inet", "cidr", "macaddr"),
    *("date", "time", "timetz", "timestamp", "timestamptz", "interval"),
)
# Every NaN is dumped as the same one, whatever its sign and payload.
_ONE_NAN = "CASE WHEN {0} = 'NaN' THEN 'NaN'::pg_catalog.%s ELSE {0} END"
_SENT = dict.fromkeys(_EXACT, "{0}") | {kind: _ONE_NAN % kind for kind in ("float4", "float8")}


def row_hash(columns: Columns, by: Hashing) -> str:
    """Return the SQL of a 64-bit hash of one row of ``x``.

    Args:
        columns: The relation's; the order of their names is the same on every server, while
            that of an inherited table's columns is not.
        by: The way.
    """
    if by == "text":
        return _BY_TEXT
    sent = [_SENT[kind].format(f"x.{identifier(name)}") for name, kind in columns if kind in _SENT]
    told = [f"x.{identifier(name)}" for name, kind in columns if kind not in _SENT]
    if told:
        sent.append(f"ROW({', '.join(told)})::text")
    # The hash of a record is linear in those of its fields, so that a sum would not see two rows
    # that exchanged a value: the whole row is made one field first.
    row = f"pg_catalog.record_send(ROW({', '.join(sent)}))"
    return f"pg_catalog.hash_record_extended(ROW({row}), 0)"
