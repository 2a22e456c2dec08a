"""The fingerprint: the schema cut into objects, and queries in batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alt_backup_assets.dumps.postgresql import fingerprint
from alt_backup_assets.dumps.postgresql.content import Relation
from alt_backup_assets.dumps.postgresql.fingerprint import LARGE_OBJECTS, schema_objects
from alt_backup_assets.dumps.postgresql.psql import Psql
from alt_backup_assets.dumps.postgresql.row_hash import row_hash
from tests.fakes.platform import Answer, FakePlace
from tests.fakes.postgresql import marker

SCHEMA = """\
--
-- PostgreSQL database dump
--

\\restrict 5Gq0randomrandom

SET client_encoding = 'UTF8';

--
-- Name: users; Type: TABLE; Schema: public; Owner: alt
--

CREATE TABLE public.users (
    id integer
);

--
-- Name: ids; Type: SEQUENCE; Schema: public; Owner: alt
--

CREATE SEQUENCE public.ids;

--
-- PostgreSQL database dump complete
--

\\unrestrict 5Gq0randomrandom
"""
USERS = "Name: users; Type: TABLE; Schema: public; Owner: alt"
IDS = "Name: ids; Type: SEQUENCE; Schema: public; Owner: alt"
ORIGINAL = schema_objects(SCHEMA)


def test_every_object_has_its_hash_by_its_heading() -> None:
    """And what stands before the first one, the settings, has one too."""
    assert set(ORIGINAL) == {"settings", USERS, IDS}
    assert len(set(ORIGINAL.values())) == 3


def test_the_random_lines_change_no_hash() -> None:
    """pg_dump writes another token every time."""
    assert schema_objects(SCHEMA.replace("5Gq0", "zz99")) == ORIGINAL


def test_a_line_that_only_looks_random_counts() -> None:
    """Only the lines pg_dump itself makes up are left out."""
    changed = SCHEMA.replace("    id integer", "    restrict integer")
    assert schema_objects(changed) != ORIGINAL


@pytest.mark.parametrize(
    ("before", "after", "heading"),
    [
        ("id integer", "id bigint", USERS),
        ("CREATE SEQUENCE public.ids;", "CREATE SEQUENCE public.ids INCREMENT 2;", IDS),
        ("client_encoding = 'UTF8'", "client_encoding = 'LATIN1'", "settings"),
    ],
)
def test_a_change_shows_at_its_object(before: str, after: str, heading: str) -> None:
    """And at no other one."""
    changed = schema_objects(SCHEMA.replace(before, after))
    assert {key for key in ORIGINAL if changed[key] != ORIGINAL[key]} == {heading}


def test_another_owner_is_another_object() -> None:
    """The heading holds it."""
    changed = schema_objects(
        SCHEMA.replace(
            "Schema: public; Owner: alt\n--\n\nCREATE TABLE",
            "Schema: public; Owner: eve\n--\n\nCREATE TABLE",
        )
    )
    assert USERS not in changed


def test_objects_of_one_heading_share_a_hash_of_all() -> None:
    """A second one of the same heading is not lost behind the first."""
    block = f"--\n-- {USERS}\n--\n\nGRANT SELECT;\n"
    twice = schema_objects(SCHEMA + block)
    assert twice[USERS] != ORIGINAL[USERS]
    assert twice[USERS] != schema_objects(SCHEMA + block.replace("SELECT", "UPDATE"))[USERS]


def test_a_schema_without_objects_is_its_settings() -> None:
    """An empty text has one entry, and a hash."""
    assert set(schema_objects("")) == {"settings"}


Answers = dict[str, list[dict[str, Any]]]


def _server(answers: Answers) -> tuple[FakePlace, Callable[[bytes], bytes]]:
    """Answer each query by the first of these words in it, the longest word first."""

    def reply(said: bytes) -> bytes:
        words = sorted(answers, key=len, reverse=True)
        rows = next((answers[word] for word in words if word.encode() in said), [])
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows) + marker(said)

    return FakePlace("db"), reply


def _ask(answers: Answers, ask: Callable[[Psql], Any]) -> tuple[Any, bytes]:
    place, reply = _server(answers)
    place.script("psql", answers=[Answer(reply=reply)])
    with place.open(["psql"]) as session:
        answer = ask(Psql(session, 5))
    return answer, place.calls[0].stdin


def by_text(psql: Psql) -> tuple[Relation, ...]:
    """Take the relations in the way every server has."""
    return fingerprint.relations(psql, "text")


NOTHING_LARGE = [{"rows": 0, "content": "0"}]


def test_relations_are_counted_and_hashed_with_the_large_objects() -> None:
    """Names are quoted; partitions one by one; the large objects are a line of their own."""
    answers: Answers = {
        "c.relkind = 'r'": [{"schema": "public", "name": 'we"ird', "columns": None}],
        "hashtextextended(ROW": [{"name": 'public."we""ird"', "rows": 3, "content": "12"}],
        "pg_largeobject_metadata": NOTHING_LARGE,
    }
    relations, said = _ask(answers, by_text)
    assert [(r.name, r.rows, r.content) for r in relations] == [
        ('public."we""ird"', 3, "12"),
        (LARGE_OBJECTS, 0, "0"),
    ]
    assert b'FROM ONLY "public"."we""ird" AS x' in said


@pytest.mark.parametrize(("count", "queries"), [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_thousands_of_tables_cost_few_round_trips(count: int, queries: int) -> None:
    """A hundred relations a query, and none is left out at the seams."""
    answers: Answers = {
        "c.relkind = 'r'": [
            {"schema": "public", "name": f"t{n}", "columns": [["n", "int4"]]} for n in range(count)
        ],
        "pg_largeobject_metadata": NOTHING_LARGE,
    }
    _, said = _ask(answers, by_text)
    assert said.count(b"FROM (SELECT E'") == queries
    assert said.count(b"FROM ONLY ") == count


def test_sequences_keep_their_direction() -> None:
    """The increment comes from the catalogue, the position from the sequence itself."""
    answers = {
        "seqincrement": [{"schema": "public", "name": "ids", "increment": -5}],
        "last_value": [{"name": '"public"."ids"', "last_value": 7, "is_called": True}],
    }
    (sequence,), _ = _ask(answers, fingerprint.sequences)
    assert (sequence.name, sequence.next_value) == ('"public"."ids"', 2)


def test_of_a_role_only_a_hash_is_kept() -> None:
    """A password verifier never leaves the server as text, and another one has another hash."""
    verifier = "SCRAM-SHA-256$4096:salt$key"
    roles, _ = _ask({"pg_authid": [{"name": "alt", "attributes": verifier}]}, fingerprint.roles)
    others, _ = _ask({"pg_authid": [{"name": "alt", "attributes": "-"}]}, fingerprint.roles)
    assert verifier not in str(roles)
    assert len(roles["alt"]) == 64
    assert roles != others


def test_extensions_have_their_version() -> None:
    """By name."""
    answers = {"pg_extension": [{"name": "vector", "version": "0.8.0"}]}
    assert _ask(answers, fingerprint.extensions)[0] == {"vector": "0.8.0"}


def test_the_server_says_what_it_is() -> None:
    """Version, preloaded libraries and the bootstrap superuser."""
    row = {"version": "17.6", "preload": "", "superuser": "alt_db_user"}
    assert _ask({"server_version": [row]}, fingerprint.server)[0] == row


def test_the_versions_of_server_and_pg_dump_are_no_schema() -> None:
    """A restored server may be a newer one; the same words inside an object count."""
    text = (
        "-- Dumped from database version {}\nSET x = 1;\n-- Name: f; Type: F; Schema: s; Owner: o\n"
    )
    old, new = (fingerprint.schema_objects(text.format(version)) for version in ("17.6", "18.1"))
    assert old == new
    inside = "-- Name: f; Type: F; Schema: s; Owner: o\n-- Dumped from database version {}\n"
    old, new = (fingerprint.schema_objects(inside.format(version)) for version in ("17.6", "18.1"))
    assert old != new


def test_databases_that_can_hold_data_are_named() -> None:
    """Templates and those that take no connections are not asked about."""
    names, said = _ask({"pg_database": [{"name": "a"}, {"name": "b"}]}, fingerprint.databases)
    assert names == ["a", "b"]
    assert b"datallowconn AND NOT datistemplate" in said


@pytest.mark.parametrize(("relations", "empty"), [(0, True), (1, False)])
def test_a_database_without_relations_of_anybodys_is_empty(relations: int, empty: bool) -> None:
    """One relation is enough to be careful with it."""
    answers: Answers = {"AS relations": [{"relations": relations}]}
    assert _ask(answers, fingerprint.is_empty)[0] is empty


@pytest.mark.parametrize(("can", "by"), [(True, "binary"), (False, "text")])
def test_a_server_that_can_hashes_rows_as_binary(can: bool, by: str) -> None:
    """An old one, or one whose text is converted on its way, by their text."""
    assert _ask({"getdatabaseencoding": [{"can": can}]}, fingerprint.hashing)[0] == by


def test_built_in_types_are_sent_and_others_are_told() -> None:
    """In the order of names; what has no exact binary form is one text of all such columns."""
    columns = [("a", "int8"), ('b"', ""), ("c", "float8"), ("d", "_text")]
    assert row_hash(columns, "text") == "pg_catalog.hashtextextended(ROW(x.*)::text, 0)"
    assert row_hash(columns, "binary") == (
        "pg_catalog.hash_record_extended(ROW(pg_catalog.record_send(ROW("
        """x."a", CASE WHEN x."c" = 'NaN' THEN 'NaN'::pg_catalog.float8 ELSE x."c" END,"""
        ' ROW(x."b""", x."d")::text))), 0)'
    )
