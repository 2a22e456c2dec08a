"""Both ways to hash a row see every difference a dump can carry, on real servers of two majors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql import fingerprint
from alt_backup_assets.dumps.postgresql.content import Hashing, PostgresqlContent
from alt_backup_assets.dumps.postgresql.server import Server
from alt_backup_assets.dumps.record import DumpRecord, compare
from tests.integration.test_postgresql_live import MAJORS, Live, live_server

pytestmark = pytest.mark.integration

WAYS: tuple[Hashing, ...] = ("text", "binary")
TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN amount AS numeric;
"""
# A type, a value of it, and another one that some equality takes for the same, or nearly.
DIFFERENT = [
    ("float8", "'0'", "'-0'"),
    ("float4", "'0'", "'-0'"),
    ("float8", "0.1", "0.1::float8 + 1e-17::float8 * 2"),
    ("numeric", "1.0", "1.00"),
    ("numeric", "'NaN'", "'Infinity'"),
    ("int8", "1", "4294967296"),
    ("int8", "-1", "0"),
    ("text", "'a'", "'a '"),
    ("varchar(9)", "'a'", "'A'"),
    ("char(3)", "'a'", "'b'"),
    ("bpchar", "'a'", "'a '"),
    ("text", "''", "NULL"),
    ("bytea", r"'\x00'", r"'\x0000'"),
    ("interval", "'1 mon'", "'30 days'"),
    ("interval", "'1 day'", "'24 hours'"),
    ("timetz", "'12:00+00'", "'13:00+01'"),
    ("timestamptz", "'2026-11-24 00:00:00.000001+00'", "'2026-11-24 00:00+00'"),
    ("json", """'{"a":1}'""", """'{"a": 1}'"""),
    ("jsonb", """'{"a":1.0}'""", """'{"a":1.00}'"""),
    ("inet", "'10.0.0.1/32'", "'10.0.0.1/31'"),
    ("int[]", "'{1}'", "'[2:2]={1}'"),
    ("numeric[]", "'{1.0}'", "'{1.00}'"),
    ("mood", "'sad'", "'glad'"),
    ("pair", "ROW(1, 'a')", "ROW(1, 'a ')"),
    ("amount", "1.0", "1.00"),
    ("bit(3)", "'101'", "'100'"),
    ("uuid", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
]
# What a dump does not tell apart, so that it must not count as a difference.
SAME = [
    ("float8", "'NaN'", "'Infinity'::float8 - 'Infinity'::float8"),
    ("float4", "'NaN'", "'Infinity'::float4 - 'Infinity'::float4"),
    ("numeric", "100000000", "10000 * 10000"),
    ("int[]", "'{1,2}'", "array_replace('{1,NULL}', NULL, 2)"),
]
ROWS = {
    "exchanged between rows": "VALUES (1, 'a'), (2, 'b')|VALUES (1, 'b'), (2, 'a')",
    "exchanged between columns": "VALUES ('a', 'b')|VALUES ('b', 'a')",
    "moved to the neighbour": "VALUES ('ab', 'c')|VALUES ('a', 'bc')",
    "one of two duplicates": "VALUES (1), (1), (2)|VALUES (1), (2), (2)",
}


@pytest.fixture(name="live", scope="module", params=sorted(MAJORS))
def _live(request: pytest.FixtureRequest) -> Iterator[Live]:
    with (
        TemporaryDirectory(prefix="ab-") as directory,
        live_server(Path(directory), request.param) as live,
    ):
        live.in_database("postgres", "CREATE DATABASE recap")
        live.server.sql("; ".join((TYPES, *_tables(), "CREATE TABLE nothing ()")))
        live.server.sql("INSERT INTO nothing DEFAULT VALUES")
        yield live


def _tables() -> Iterator[str]:
    """Say how pairs of tables are made that are alike, but for their rows."""
    for number, (kind, *values) in enumerate((*DIFFERENT, *SAME)):
        for side, value in zip("ab", values, strict=True):
            yield f"CREATE TABLE value_{number}_{side} AS SELECT ({value})::{kind} AS v"
    for number, rows in enumerate(ROWS.values()):
        one, other = rows.split("|")
        yield f"CREATE TABLE rows_{number}_a AS {one}"
        yield f"CREATE TABLE rows_{number}_b (LIKE rows_{number}_a)"
        yield f"INSERT INTO rows_{number}_b {other}"


def _hashes(live: Live, by: Hashing) -> dict[str, str]:
    server = Server(live.machine.service(live.volume.service), live.volume)
    with server.connection("recap") as psql:
        return {r.name: r.content for r in fingerprint.relations(psql, by)}


@pytest.mark.parametrize("by", WAYS)
def test_every_difference_shows(live: Live, by: Hashing) -> None:
    """Also one that the values' own equality, or a sum over columns, would not see."""
    hashes = _hashes(live, by)
    names = [f"value_{n}" for n in range(len(DIFFERENT))] + [f"rows_{n}" for n in range(len(ROWS))]
    unseen = [
        name for name in names if hashes[f'"public"."{name}_a"'] == hashes[f'"public"."{name}_b"']
    ]
    assert unseen == []


@pytest.mark.parametrize("by", WAYS)
def test_what_a_dump_does_not_tell_apart_is_the_same(live: Live, by: Hashing) -> None:
    """Otherwise the restored copy would be another one, and nothing wrong with it."""
    hashes = _hashes(live, by)
    for number in range(len(DIFFERENT), len(DIFFERENT) + len(SAME)):
        one, other = (hashes[f'"public"."value_{number}_{side}"'] for side in "ab")
        assert one == other, SAME[number - len(DIFFERENT)]


def _rehearsed(live: Live, record: DumpRecord) -> tuple[str, ...]:
    directory = live.room / record.dump_id
    return compare(record.content, postgresql.rehearse(record, directory, live.machine)).differences


def test_a_dump_is_drilled_in_the_way_it_was_taken(live: Live) -> None:
    """The new one and the old one, and neither is taken for the other."""
    record = live.dump("now")
    content = record.content
    assert isinstance(content, PostgresqlContent)
    assert [database.hashing for database in content.databases] == ["binary"]
    assert _rehearsed(live, record) == ()
    server = Server(live.machine.service(live.volume.service), live.volume)
    with server.snapshot("recap") as (psql, snapshot, sequences):
        by_text = server.content(psql, "recap", snapshot, sequences, hashing="text")
    old = by_text.model_dump(mode="json")
    del old["hashing"]  # a record of an older version
    earlier = content.model_dump(mode="json") | {"databases": [old]}
    before = record.model_copy(update={"content": PostgresqlContent.model_validate(earlier)})
    assert _rehearsed(live, before) == ()
    wrong = content.model_copy(
        update={"databases": (by_text.model_copy(update={"hashing": "binary"}),)}
    )
    differences = _rehearsed(live, record.model_copy(update={"content": wrong}))
    assert 'recap: "public"."value_0_a" has other content in its 1 rows' in differences


@pytest.mark.parametrize(("encoding", "by"), [("UTF8", "binary"), ("LATIN1", "text")])
def test_text_that_is_converted_is_hashed_as_text(live: Live, encoding: str, by: str) -> None:
    """Its bytes on the way to a client are not those of the database."""
    live.in_database("postgres", "DROP DATABASE IF EXISTS other")
    made = f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
    live.in_database("postgres", f"CREATE DATABASE other {made}")
    server = Server(live.machine.service(live.volume.service), live.volume)
    with server.connection("other") as psql:
        assert fingerprint.hashing(psql) == by
