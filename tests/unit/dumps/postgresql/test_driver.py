"""Dumping PostgreSQL from a scripted server: what is asked, and everything that can go wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.errors import (
    AltBackupError,
    DumpFailed,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from tests.fakes.platform import RUNTIME, Answer
from tests.fakes.postgresql import (
    ARCHIVE,
    DATABASE,
    GLOBALS,
    ROWS,
    SCHEMA,
    SNAPSHOT,
    VOLUME,
    Server,
    answers,
    script,
)


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    return Server(tmp_path / "dump")


def test_the_dump_command_is_the_decision_records(server: Server) -> None:
    """Exactly this, in the snapshot that was exported for it."""
    server.dump()
    assert server.calls(*DATABASE) == [
        (
            *("pg_dump", "-U", "alt_db_user", "--format=custom", "--compress=6"),
            *(f"--snapshot={SNAPSHOT}", "alt"),
        )
    ]


def test_the_schema_is_of_the_same_snapshot(server: Server) -> None:
    """The fingerprint's text and the dump see the same moment."""
    server.dump()
    assert server.calls("pg_dump", "--schema-only") == [
        ("pg_dump", "-U", "alt_db_user", "--schema-only", f"--snapshot={SNAPSHOT}", "alt")
    ]


def test_the_compression_is_the_registrys(server: Server) -> None:
    """Where the server offers another one."""
    server.dump(VOLUME.model_copy(update={"compression": "zstd:3"}))
    assert "--compress=zstd:3" in server.calls(*DATABASE)[0]


def test_everything_is_written_and_recorded(server: Server) -> None:
    """Roles, archive, runtime, version, and the content as the server told it."""
    before = datetime.now(UTC)
    dumped = server.dump()
    assert before <= dumped.taken_at <= datetime.now(UTC)
    assert (dumped.runtime, dumped.server_version) == (RUNTIME, "17.6")
    assert [artifact.path for artifact in dumped.artifacts] == ["globals.sql", "alt.dump"]
    assert (server.directory / "alt.dump").read_bytes() == ARCHIVE
    assert (server.directory / "globals.sql").read_bytes() == GLOBALS
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in server.directory.iterdir())
    content = dumped.content
    assert isinstance(content, PostgresqlContent)
    assert (content.superuser, content.preload) == ("alt_db_user", "pg_cron")
    assert content.counts() == {"databases": 1, "relations": 2, "rows": 3, "roles": 1}
    (database,) = content.databases
    assert database.extensions == {"plpgsql": "1.0"}
    assert database.sequences[0].next_value == 8
    assert "Name: users; Type: TABLE; Schema: public; Owner: alt" in database.schema_objects


def test_sequences_are_read_in_the_transaction_before_the_rows(server: Server) -> None:
    """They are not transactional: read first, a restore can only be further on."""
    server.dump()
    said = b"".join(call.stdin for call in server.place.calls)
    steps = [
        b"CHECKPOINT",
        b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        b"pg_export_snapshot",
        b"last_value",
        b"FROM ONLY",
        b"COMMIT",
    ]
    positions = [said.index(step) for step in steps]
    assert positions == sorted(positions)


def test_every_database_of_the_server_is_dumped(server: Server) -> None:
    """Each into its own archive, in its own snapshot."""
    dumped = server.dump(VOLUME.model_copy(update={"databases": ("alt", "kratos")}))
    assert [a.path for a in dumped.artifacts] == ["globals.sql", "alt.dump", "kratos.dump"]
    assert [argv[-1] for argv in server.calls(*DATABASE)] == ["alt", "kratos"]


def test_our_connections_have_our_name_and_no_secret(server: Server) -> None:
    """So that leftovers can be told; a password is only ever a file's path in the service."""
    server.dump(VOLUME.model_copy(update={"passfile": "/run/secrets/pgpass"}))
    for call in server.place.calls:
        assert call.env == {
            "PGAPPNAME": "alt-backup db_data_17",
            "PGPASSFILE": "/run/secrets/pgpass",
        }


def test_a_service_that_lets_us_in_gets_no_password_file(server: Server) -> None:
    """Where the registry names none, libpq is told of none."""
    server.dump()
    assert {tuple(call.env) for call in server.place.calls} == {("PGAPPNAME",)}


def test_connections_a_killed_run_left_are_ended_first(server: Server) -> None:
    """Before anything else, by our own name, and never the one that asks."""
    server.dump()
    first = server.place.calls[0]
    assert first.argv[-2] == "-c"
    assert "pg_terminate_backend" in first.argv[-1]
    assert "application_name = E'alt-backup db_data_17'" in first.argv[-1]
    assert "pid <> pg_catalog.pg_backend_pid()" in first.argv[-1]
    assert len(server.calls("psql", "-c")) == 1


FAULTS: list[tuple[Answer, type[AltBackupError]]] = [
    (Answer(exit_code=1, stderr="FATAL: out of memory"), ToolFailed),
    (Answer(stdout=ARCHIVE, exit_code=1), ToolFailed),
    (Answer(stdout=ARCHIVE[:100], exit_code=137), ToolFailed),
    (Answer(stdout=ARCHIVE, vanish=True), ServiceVanished),
    (Answer(stdout=ARCHIVE[:100], too_slow=True), ToolTimeout),
    (Answer(missing=True), ToolMissing),
    (Answer(), DumpFailed),
    (Answer(stdout=ARCHIVE[:-1]), DumpFailed),
    (Answer(stdout=ARCHIVE + ARCHIVE), DumpFailed),
    (Answer(stdout=SCHEMA), DumpFailed),
]
NAMES = [
    *("exit 1", "all written and exit 1", "killed", "all written and vanished", "too slow"),
    *("no pg_dump", "empty and exit 0", "cut and exit 0", "twice and exit 0", "text and exit 0"),
]


@pytest.mark.parametrize(("answer", "error"), FAULTS, ids=NAMES)
def test_a_dump_that_is_not_whole_is_a_failure(
    server: Server, answer: Answer, error: type[AltBackupError]
) -> None:
    """Whatever pg_dump wrote before it, and whatever it exits with after a cut stream."""
    server.place.script(*DATABASE, answers=[answer])
    with pytest.raises(error):
        server.dump()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(stdout=GLOBALS, exit_code=1), ToolFailed),
        (Answer(), DumpFailed),
        (Answer(stdout=GLOBALS[:60]), DumpFailed),
        (Answer(vanish=True), ServiceVanished),
    ],
    ids=["exit 1", "empty", "cut and exit 0", "vanished"],
)
def test_roles_that_are_not_whole_are_a_failure(
    server: Server, answer: Answer, error: type[AltBackupError]
) -> None:
    """Without its roles a database does not restore, and no service logs in."""
    server.place.script("pg_dumpall", answers=[answer])
    with pytest.raises(error):
        server.dump()
    assert server.calls(*DATABASE) == []


def test_a_service_that_is_not_there_is_a_failure(server: Server) -> None:
    """A near miss is named and nothing is guessed."""
    with pytest.raises(ServiceNotFound, match="did you mean `db`"):
        server.dump(VOLUME.model_copy(update={"service": "dbb"}))


@pytest.mark.parametrize("query", ["CHECKPOINT", "BEGIN", "pg_export_snapshot", "FROM ONLY"])
def test_a_query_that_fails_fails_the_dump(server: Server, query: str) -> None:
    """No dump is kept without the fingerprint it is proved by."""
    broken = Answer(reply=answers(ROWS, broken=query), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()


def test_a_fingerprint_that_fails_ends_the_dump_beside_it(server: Server) -> None:
    """pg_dump would go on for nobody, so our connections are ended; its own error counts."""
    broken = Answer(reply=answers(ROWS, broken="FROM ONLY"), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()
    assert len(server.calls("psql", "-c")) == 2


def test_what_cannot_be_ended_hides_no_error(server: Server) -> None:
    """The server is gone: that is the news, not that nothing could be ended in it."""
    broken = Answer(reply=answers(ROWS, broken="FROM ONLY"), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    server.place.script("psql", "-c", answers=[Answer(), Answer(vanish=True)])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()


OTHERS = [{"name": "alt"}, {"name": "forgotten"}, {"name": "postgres"}]
FORGOTTEN = (
    "database forgotten of service db is in no registry entry: it is NOT backed up; add it to"
    " `databases` of db_data_17"
)


@pytest.mark.parametrize(("relations", "count"), [(0, 1), (1, 2)])
def test_a_database_that_no_entry_names_is_a_warning(
    server: Server, relations: int, count: int
) -> None:
    """The server's own `postgres` is one only where somebody made something in it."""
    rows = ROWS | {"datallowconn": OTHERS, "AS relations": [{"relations": relations}]}
    script(server.place, rows)
    warnings = server.dump().warnings
    assert (warnings[0], len(warnings)) == (FORGOTTEN, count)


def test_a_server_whose_databases_are_all_named_warns_of_nothing(server: Server) -> None:
    """Nothing is said where nothing is wrong."""
    script(server.place, ROWS | {"datallowconn": OTHERS[:1]})
    assert server.dump().warnings == ()
