"""The PostgreSQL driver on a scripted server: what it asks, and everything that can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps import postgresql
from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.postgresql_content import PostgresqlContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import (
    AltBackupError,
    DrillError,
    DumpFailed,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from alt_backup_assets.registry.volume import Volume
from tests.fakes.platform import RUNTIME, Answer, FakePlace, FakePlatform
from tests.fakes.site import Machine
from tests.unit.dumps.test_psql import marker
from tests.unit.tools.test_pgarchive import Builder

VOLUME = Volume(
    name="db_data_17",
    service="db",
    engine="postgresql",
    category="critical",
    databases=("alt",),
    user="alt_db_user",
)
SNAPSHOT = "00000003-0000001B-1"
GLOBALS = b"""\
CREATE ROLE alt_db_user;
ALTER ROLE alt_db_user WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:abc';
CREATE ROLE "reader";
--
-- PostgreSQL database cluster dump complete
--
"""
SCHEMA = b"--\n-- Name: users; Type: TABLE; Schema: public; Owner: alt\n--\nCREATE TABLE users ();\n"
ARCHIVE = Builder().archive()
ROWS: dict[str, list[dict[str, Any]]] = {
    "pg_export_snapshot": [{"id": SNAPSHOT}],
    "server_version": [{"version": "17.6", "preload": "pg_cron", "superuser": "alt_db_user"}],
    "pg_authid a": [{"name": "alt_db_user", "attributes": "t|-"}],
    "seqincrement": [{"schema": "public", "name": "ids", "increment": 1}],
    "last_value": [{"name": '"public"."ids"', "last_value": 7, "is_called": True}],
    "c.relkind = 'r'": [{"schema": "public", "name": "users"}],
    "FROM ONLY": [{"name": '"public"."users"', "rows": 3, "content": "12"}],
    "pg_largeobject_metadata": [{"rows": 0, "content": "0"}],
    "pg_extension ORDER": [{"name": "plpgsql", "version": "1.0"}],
}
DATABASE = ("pg_dump", "--format=custom")


def _psql(
    rows: dict[str, list[dict[str, Any]]], broken: str = ""
) -> Callable[[bytes], bytes]:
    """Answer queries; to one that has ``broken`` in it say nothing more."""

    def reply(said: bytes) -> bytes:
        if broken and broken.encode() in said:
            return b""
        found = next((rows[word] for word in rows if word.encode() in said), [])
        return b"".join(json.dumps(row).encode() + b"\n" for row in found) + marker(said)

    return reply


@dataclass
class _Server:
    """A scripted source server, and an empty directory for its dump."""

    directory: Path
    platform: FakePlatform = field(default_factory=FakePlatform)

    def __post_init__(self) -> None:
        self.place = self.platform.add("db")
        script(self.place)

    def dump(self, volume: Volume = VOLUME) -> Dumped:
        """Dump it."""
        self.directory.mkdir(exist_ok=True)
        return postgresql.dump(volume, self.platform, self.directory)

    def calls(self, *words: str) -> list[tuple[str, ...]]:
        """Return the commands that begin with a program and hold these words."""
        argvs = [call.argv for call in self.place.calls]
        return [argv for argv in argvs if argv[0] == words[0] and set(words[1:]) <= set(argv)]


def script(place: FakePlace, rows: dict[str, list[dict[str, Any]]] = ROWS) -> None:
    """Script a server where everything works."""
    place.script("psql", answers=[Answer(reply=_psql(rows))])
    place.script("psql", "-c")
    place.script("pg_dumpall", answers=[Answer(stdout=GLOBALS)])
    place.script("pg_dump", "--schema-only", answers=[Answer(stdout=SCHEMA)])
    place.script(*DATABASE, answers=[Answer(stdout=ARCHIVE)])


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> _Server:
    return _Server(tmp_path / "dump")


def test_the_dump_command_is_the_decision_records(server: _Server) -> None:
    """Exactly this, in the snapshot that was exported for it."""
    server.dump()
    assert server.calls(*DATABASE) == [
        (
            *("pg_dump", "-U", "alt_db_user", "--format=custom", "--compress=6"),
            *(f"--snapshot={SNAPSHOT}", "alt"),
        )
    ]


def test_the_schema_is_of_the_same_snapshot(server: _Server) -> None:
    """The fingerprint's text and the dump see the same moment."""
    server.dump()
    assert server.calls("pg_dump", "--schema-only") == [
        ("pg_dump", "-U", "alt_db_user", "--schema-only", f"--snapshot={SNAPSHOT}", "alt")
    ]


def test_the_compression_is_the_registrys(server: _Server) -> None:
    """Where the server offers another one."""
    server.dump(VOLUME.model_copy(update={"compression": "zstd:3"}))
    assert "--compress=zstd:3" in server.calls(*DATABASE)[0]


def test_everything_is_written_and_recorded(server: _Server) -> None:
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


def test_sequences_are_read_in_the_transaction_before_the_rows(server: _Server) -> None:
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


def test_every_database_of_the_server_is_dumped(server: _Server) -> None:
    """Each into its own archive, in its own snapshot."""
    dumped = server.dump(VOLUME.model_copy(update={"databases": ("alt", "kratos")}))
    assert [a.path for a in dumped.artifacts] == ["globals.sql", "alt.dump", "kratos.dump"]
    assert [argv[-1] for argv in server.calls(*DATABASE)] == ["alt", "kratos"]


def test_our_connections_have_our_name_and_no_secret(server: _Server) -> None:
    """So that leftovers can be told; a password is only ever a file's path in the service."""
    server.dump(VOLUME.model_copy(update={"passfile": "/run/secrets/pgpass"}))
    for call in server.place.calls:
        assert call.env == {
            "PGAPPNAME": "alt-backup db_data_17",
            "PGPASSFILE": "/run/secrets/pgpass",
        }


def test_connections_a_killed_run_left_are_ended_first(server: _Server) -> None:
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
    server: _Server, answer: Answer, error: type[AltBackupError]
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
    server: _Server, answer: Answer, error: type[AltBackupError]
) -> None:
    """Without its roles a database does not restore, and no service logs in."""
    server.place.script("pg_dumpall", answers=[answer])
    with pytest.raises(error):
        server.dump()
    assert server.calls(*DATABASE) == []


def test_a_service_that_is_not_there_is_a_failure(server: _Server) -> None:
    """A near miss is named and nothing is guessed."""
    with pytest.raises(ServiceNotFound, match="did you mean `db`"):
        server.dump(VOLUME.model_copy(update={"service": "dbb"}))


@pytest.mark.parametrize("query", ["CHECKPOINT", "BEGIN", "pg_export_snapshot", "FROM ONLY"])
def test_a_query_that_fails_fails_the_dump(server: _Server, query: str) -> None:
    """No dump is kept without the fingerprint it is proved by."""
    broken = Answer(reply=_psql(ROWS, broken=query), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()


def test_a_fingerprint_that_fails_ends_the_dump_beside_it(server: _Server) -> None:
    """pg_dump would go on for nobody, so our connections are ended; its own error counts."""
    broken = Answer(reply=_psql(ROWS, broken="FROM ONLY"), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()
    assert len(server.calls("psql", "-c")) == 2


def test_what_cannot_be_ended_hides_no_error(server: _Server) -> None:
    """The server is gone: that is the news, not that nothing could be ended in it."""
    broken = Answer(reply=_psql(ROWS, broken="FROM ONLY"), exit_code=3, stderr="ERROR: broken")
    server.place.script("psql", "-d", "alt", answers=[broken])
    server.place.script("psql", "-c", answers=[Answer(), Answer(vanish=True)])
    with pytest.raises(ToolFailed, match="broken"):
        server.dump()


def _record(machine: Machine, dumped: Dumped) -> DumpRecord:
    changes = {"content": dumped.content, "runtime": dumped.runtime, "service": "db"}
    return machine.dump().record.model_copy(update=changes)


def _target(platform: FakePlatform, rows: dict[str, list[dict[str, Any]]] = ROWS) -> FakePlace:
    script(platform.target, rows)
    for program in ("initdb", "tee", "pg_ctl", "pg_restore"):
        platform.target.script(program)
    return platform.target


@pytest.fixture(name="record")
def _dumped(server: _Server, machine: Machine) -> DumpRecord:
    return _record(machine, server.dump())


def test_a_rehearsal_of_the_same_data_is_equal(server: _Server, record: DumpRecord) -> None:
    """Restored with the source's own programs and superuser, and every value came back."""
    _target(server.platform)
    content = postgresql.rehearse(record, server.directory, server.platform)
    assert content == record.content
    assert server.platform.thrown == [("db", RUNTIME, "postgres")]
    assert server.platform.open_targets == 0


def test_a_rehearsal_of_other_data_is_not(server: _Server, record: DumpRecord) -> None:
    """A row that did not come back is a difference."""
    _target(server.platform, ROWS | {"FROM ONLY": [{**ROWS["FROM ONLY"][0], "rows": 2}]})
    content = postgresql.rehearse(record, server.directory, server.platform)
    assert isinstance(record.content, PostgresqlContent)
    assert record.content.differences(content) == (
        'alt: "public"."users" has 2 rows, 3 were recorded',
    )


def test_the_server_of_a_rehearsal_is_the_sources_kind(server: _Server, record: DumpRecord) -> None:
    """Its superuser, its preloaded libraries, no network, and every step in its order."""
    target = _target(server.platform)
    postgresql.rehearse(record, server.directory, server.platform)
    programs = [call.argv[0] for call in target.calls]
    assert programs[:5] == ["initdb", "tee", "pg_ctl", "psql", "pg_restore"]
    initdb, settings, start, globals_, restore = target.calls[:5]
    assert initdb.argv[initdb.argv.index("--username") + 1] == "alt_db_user"
    assert b"listen_addresses = ''" in settings.stdin
    assert b"shared_preload_libraries = 'pg_cron'" in settings.stdin
    assert "--wait" in start.argv
    assert globals_.env == {"PGHOST": "/work", "PGPORT": "5432"}
    assert target.files[restore.argv[-1]] == ARCHIVE


def test_the_superuser_is_not_made_a_second_time(server: _Server, record: DumpRecord) -> None:
    """It is there from the beginning; every other line of the roles has to succeed."""
    target = _target(server.platform)
    postgresql.rehearse(record, server.directory, server.platform)
    script_ = next(call.stdin for call in target.calls if call.argv[0] == "psql")
    assert b"CREATE ROLE alt_db_user;" not in script_
    assert b"ALTER ROLE alt_db_user WITH SUPERUSER LOGIN PASSWORD" in script_
    assert b'CREATE ROLE "reader";' in script_


@pytest.mark.parametrize("program", ["initdb", "tee", "pg_ctl", "psql", "pg_restore", "pg_dump"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(exit_code=1, stderr="broken"), ToolFailed),
        (Answer(too_slow=True), ToolTimeout),
        (Answer(vanish=True), ServiceVanished),
        (Answer(missing=True), ToolMissing),
    ],
    ids=["exit 1", "too slow", "vanished", "missing"],
)
def test_a_rehearsal_that_fails_anywhere_fails(
    server: _Server, record: DumpRecord, program: str, answer: Answer, error: type[Exception]
) -> None:
    """At every step, in every way; and the throw-away target is gone."""
    target = _target(server.platform)
    target.script(program, answers=[answer])
    if program == "pg_dump":
        target.script("pg_dump", "--schema-only", answers=[answer])
    with pytest.raises(error):
        postgresql.rehearse(record, server.directory, server.platform)
    assert server.platform.open_targets == 0


def test_a_record_that_does_not_say_what_it_ran_on_is_refused(
    server: _Server, record: DumpRecord
) -> None:
    """Another version of the programs would prove something else."""
    with pytest.raises(DrillError, match="does not say what the server ran on"):
        postgresql.rehearse(
            record.model_copy(update={"runtime": None}), server.directory, server.platform
        )


def test_a_record_of_another_engine_is_refused(
    server: _Server, record: DumpRecord, machine: Machine
) -> None:
    """Nothing is restored that was not dumped by this engine."""
    foreign = record.model_copy(update={"content": machine.dump("token-data").record.content})
    with pytest.raises(DumpFailed, match="is not of a PostgreSQL dump"):
        postgresql.rehearse(foreign, server.directory, server.platform)
    assert server.platform.thrown == []
