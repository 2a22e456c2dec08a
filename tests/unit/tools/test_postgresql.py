"""PostgreSQL's programs: the exact commands, and quoting that nothing breaks out of."""

from __future__ import annotations

import pytest

from alt_backup_assets.tools import postgresql


def test_the_dump_is_the_decision_records() -> None:
    """Custom format, its compression, and the snapshot the fingerprint is taken in."""
    argv = postgresql.pg_dump("alt_db_user", "alt", compression="6", snapshot="00000003-1B-1")
    assert argv == [
        *("pg_dump", "-U", "alt_db_user", "--format=custom", "--compress=6"),
        *("--snapshot=00000003-1B-1", "alt"),
    ]


@pytest.mark.parametrize(("snapshot", "at"), [(None, []), ("1-1", ["--snapshot=1-1"])])
def test_the_schema_can_be_printed_in_a_snapshot(snapshot: str | None, at: list[str]) -> None:
    """At the source in the dump's own snapshot, in the drill as it is."""
    argv = postgresql.pg_dump_schema("u", "alt", snapshot=snapshot)
    assert argv == ["pg_dump", "-U", "u", "--schema-only", *at, "alt"]


def test_the_roles_come_with_their_verifiers() -> None:
    """After a disaster the services have to log in again."""
    assert postgresql.pg_dumpall_globals("u") == ["pg_dumpall", "-U", "u", "--globals-only"]


def test_a_restore_stops_at_its_first_error() -> None:
    """An archive that loads in part is not restored."""
    argv = postgresql.pg_restore("u", "/in/alt.dump", jobs=2)
    assert argv[:3] == ["pg_restore", "-U", "u"]
    assert argv[-1] == "/in/alt.dump"
    assert {"--create", "--clean", "--if-exists", "--exit-on-error", "--jobs=2"} < set(argv)


def test_psql_reads_no_ones_settings_and_stops_at_an_error() -> None:
    """Answers are bare values, and a failed statement is a failed program."""
    argv = postgresql.psql("u", "alt")
    assert argv == [
        *("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
        *("-U", "u", "-d", "alt"),
    ]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("users", '"users"'), ('we"ird', '"we""ird"'), ("a.b; DROP TABLE x", '"a.b; DROP TABLE x"')],
)
def test_a_name_stays_a_name(name: str, quoted: str) -> None:
    """Whatever is in it, it is one identifier."""
    assert postgresql.identifier(name) == quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("plain", "E'plain'"), ("it's", "E'it''s'"), ("back\\slash'", r"E'back\\slash'''")],
)
def test_a_text_stays_a_text(text: str, quoted: str) -> None:
    """Quotes and backslashes do not end it, whatever the server's settings."""
    assert postgresql.literal(text) == quoted
