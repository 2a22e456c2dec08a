"""A throw-away PostgreSQL server: made of the source's own program files, never connected.

It is initialised with the source's bootstrap superuser, because grants in the roles' script
name their grantor (PostgreSQL 16 and later refuse another one).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from alt_backup_assets.dumps.postgresql import fingerprint
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, Hashing, PostgresqlContent
from alt_backup_assets.dumps.postgresql.psql import Psql, connect
from alt_backup_assets.dumps.postgresql.roles import for_throwaway
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DrillError
from alt_backup_assets.platforms.seam import Platform, Throwaway
from alt_backup_assets.tools import postgresql

UNIX_USER = "postgres"
_TIMEOUT_SECONDS = 7200.0
_START_SECONDS = 120
_JOBS = 2
_COMPRESSION = "1"

# Nothing in it has to survive: speed before safety. No network: a socket in its own directory.
# Indexes are built side by side by pg_restore's own jobs; helpers for each cost more than they
# give. Larger buffers gave nothing measurable.
_SETTINGS = """
listen_addresses = ''
unix_socket_permissions = 0700
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
max_parallel_maintenance_workers = 0
shared_buffers = '128MB'
maintenance_work_mem = '128MB'
max_locks_per_transaction = 1024
"""
_WAL_ON_DISK_MB = 4096

# In memory everything has its place: databases as large as the live ones, indexes included, with
# something to spare; an empty server; its write-ahead log.
_WAL_IN_MEMORY_MB = 256
_SERVER_BYTES = 64 << 20
_WANT_OF_MEMORY = (
    "No space left on device",
    "out of memory",
    "Cannot allocate memory",
    # The kernel ended one of its processes.
    "server closed the connection",
    "crash of another server process",
)


class Scratch:
    """A running throw-away server."""

    def __init__(self, place: Throwaway, superuser: str, env: dict[str, str]) -> None:
        self._place = place
        self._superuser = superuser
        self._env = env

    def load_globals(self, script: Path) -> None:
        """Create the source's roles, with their rights and verifiers."""
        roles = for_throwaway(script.read_text(), self._superuser)
        self._run(postgresql.psql(self._superuser, "template1"), stdin=roles.encode())

    def load(self, archive: Path) -> None:
        """Create a database from its archive."""
        path = self._place.put(archive)
        self._run(postgresql.pg_restore(self._superuser, path, jobs=_JOBS))

    def dump(self, database: str, archive: Path) -> None:
        """Dump a database again, into a new file."""
        argv = postgresql.pg_dump(self._superuser, database, compression=_COMPRESSION)
        with archive.open("xb") as stream:
            self._place.run(
                argv, timeout_seconds=_TIMEOUT_SECONDS, stdout=stream.write, env=self._env
            )

    def change(self, database: str, statements: str) -> None:
        """Run statements in a database, as its superuser."""
        self._run(postgresql.psql(self._superuser, database), stdin=statements.encode())

    def rows(self, database: str, query: str) -> list[dict[str, Any]]:
        """Ask a database; see ``Psql.rows``."""
        with self._connected(database) as psql:
            return psql.rows(query)

    def roles(self) -> dict[str, str]:
        """Return the restored roles, as ``fingerprint.roles``."""
        with self._connected("template1") as psql:
            return fingerprint.roles(psql)

    def content(self, database: str, by: Hashing) -> DatabaseContent:
        """Take the content of a restored database, exactly as it was taken from the source."""
        schema = self._run(postgresql.pg_dump_schema(self._superuser, database)).decode()
        with self._connected(database) as psql:
            return DatabaseContent(
                name=database,
                schema_objects=fingerprint.schema_objects(schema),
                relations=fingerprint.relations(psql, by),
                sequences=fingerprint.sequences(psql),
                extensions=fingerprint.extensions(psql),
                hashing=by,
            )

    def _run(self, argv: list[str], stdin: bytes = b"") -> bytes:
        return self._place.run(argv, timeout_seconds=_TIMEOUT_SECONDS, stdin=stdin, env=self._env)

    def _connected(self, database: str) -> AbstractContextManager[Psql]:
        return connect(
            self._place,
            self._superuser,
            database,
            env=self._env,
            timeout_seconds=_TIMEOUT_SECONDS,
        )


@contextmanager
def server(
    platform: Platform,
    record: DumpRecord,
    recorded: PostgresqlContent,
    *,
    in_memory: bool = False,
) -> Iterator[Scratch]:
    """Initialise and start a throw-away server; leaving the context removes all of it.

    Args:
        platform: Makes the place.
        record: Names the service and the program files the dump was taken with.
        recorded: Names the superuser and the preloaded libraries.
        in_memory: Keep its data in memory; see ``fits_in_memory``.

    Raises:
        ToolError: The server could not be initialised or started.
        PlatformError: No throw-away target could be made.
    """
    if record.runtime is None:
        raise DrillError(f"the record of {record.volume} does not say what the server ran on")
    with platform.throwaway(
        record.service, record.runtime, user=UNIX_USER, in_memory=in_memory
    ) as place:
        data = posixpath.join(place.directory, "data")
        superuser = recorded.superuser
        settings = _SETTINGS + (
            f"max_wal_size = '{_WAL_IN_MEMORY_MB if in_memory else _WAL_ON_DISK_MB}MB'\n"
            f"unix_socket_directories = {_setting(place.directory)}\n"
            f"shared_preload_libraries = {_setting(recorded.preload)}\n"
        )
        for argv, stdin in (
            (_initdb(data, superuser), b""),
            # tee and not a shell: the path needs no quoting
            (["tee", "-a", posixpath.join(data, "postgresql.conf")], settings.encode()),
            (_start(data, posixpath.join(place.directory, "server.log")), b""),
        ):
            place.run(argv, timeout_seconds=_START_SECONDS + 30, stdin=stdin)
        yield Scratch(place, superuser, {"PGHOST": place.directory, "PGPORT": "5432"})


def fits_in_memory(platform: Platform, record: DumpRecord) -> bool:
    """Tell whether the restored server surely fits into a throw-away target's memory."""
    if record.data_bytes is None:  # a dump from before it was recorded
        return False
    needed_bytes = record.data_bytes * 5 // 4 + _SERVER_BYTES + (_WAL_IN_MEMORY_MB << 20)
    return needed_bytes <= platform.memory_bytes


def lacked_memory(error: Exception) -> bool:
    """Tell whether a failure in memory may be one of the memory, and not of the dump."""
    return any(words in str(error) for words in _WANT_OF_MEMORY)


def _initdb(data: str, superuser: str) -> list[str]:
    # Every restored database brings its own encoding and locale; this is only the frame.
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    return ["initdb", "--pgdata", data, "--username", superuser, *options]


def _start(data: str, log: str) -> list[str]:
    wait = ["--wait", "--timeout", str(_START_SECONDS)]
    return ["pg_ctl", "start", "--pgdata", data, "--log", log, *wait]


def _setting(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
