"""A volume's own running PostgreSQL server: how its user reaches it, and its content.

Shared by the dump and by the way back, so that both ask in the same way. Keep out: what either
of them writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alt_backup_assets.dumps.postgresql import fingerprint
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, Hashing, Sequence
from alt_backup_assets.dumps.postgresql.psql import Psql, connect
from alt_backup_assets.errors import PlatformError, ToolError
from alt_backup_assets.platforms.seam import Service, Sink
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import postgresql

MAINTENANCE = "template1"
"""Where to connect for what concerns the whole server: every server has it."""

_MAINTENANCE_SECONDS = 300.0
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def environment(volume: Volume) -> dict[str, str]:
    """Return what our programs in the service are told: our name, and a password file's path."""
    # By this name the server knows our connections, so that leftovers can be ended.
    named = {"PGAPPNAME": f"alt-backup {volume.name}"[:63]}
    return named | ({"PGPASSFILE": volume.passfile} if volume.passfile else {})


class Server:
    """The volume's own server."""

    def __init__(self, service: Service, volume: Volume) -> None:
        self.service = service
        self.user = str(volume.user)
        self.compression = volume.compression
        self.timeout_seconds = volume.timeout_minutes * 60.0
        self._env = environment(volume)

    def run(self, argv: list[str], sink: Sink | None = None, stdin: bytes = b"") -> bytes:
        """Run a program of PostgreSQL in the service; see ``Place.run``."""
        return self.service.run(
            argv, timeout_seconds=self.timeout_seconds, stdin=stdin, stdout=sink, env=self._env
        )

    @contextmanager
    def connection(self, database: str) -> Iterator[Psql]:
        """Open a session with a database."""
        with connect(
            self.service,
            self.user,
            database,
            env=self._env,
            timeout_seconds=self.timeout_seconds,
        ) as psql:
            yield psql

    @contextmanager
    def snapshot(self, database: str) -> Iterator[tuple[Psql, str, tuple[Sequence, ...]]]:
        """Open a session that sees one moment; yields it, the moment's id and the sequences."""
        with self.connection(database) as psql:
            # Sequences are not transactional: read before the dump, they can only be further on.
            psql.execute(_BEGIN)
            (exported,) = psql.rows("SELECT pg_catalog.pg_export_snapshot() AS id")
            yield psql, exported["id"], fingerprint.sequences(psql)
            psql.execute("COMMIT")

    def content(
        self,
        psql: Psql,
        database: str,
        snapshot: str,
        sequences: tuple[Sequence, ...],
        *,
        hashing: Hashing | None = None,
    ) -> DatabaseContent:
        """Take the content of a database as a snapshot shows it.

        ``hashing`` is how another content was taken that this is to be compared with.
        """
        by = hashing or fingerprint.hashing(psql)
        argv = postgresql.pg_dump_schema(self.user, database, snapshot=snapshot)
        return DatabaseContent(
            name=database,
            schema_objects=fingerprint.schema_objects(self.run(argv).decode()),
            relations=fingerprint.relations(psql, by),
            sequences=sequences,
            extensions=fingerprint.extensions(psql),
            hashing=by,
        )

    def end_leftovers(self) -> None:
        """End connections a killed run of ours left in the server.

        The volume's lock is held, so every connection of this name but this one is a leftover.
        """
        self._end(f"application_name = {postgresql.literal(self._env['PGAPPNAME'])}")

    def end_connections(self, database: str) -> None:
        """End every connection to a database but our own question."""
        self._end(f"datname = {postgresql.literal(database)}")

    def abandon(self) -> None:
        """End our connections after a failure, whose own error is the one that counts."""
        with suppress(ToolError, PlatformError):
            self.end_leftovers()

    def _end(self, which: str) -> None:
        ending = (
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
            f" WHERE {which} AND pid <> pg_catalog.pg_backend_pid()"
        )
        argv = [*postgresql.psql(self.user, MAINTENANCE), "-c", ending]
        self.service.run(argv, timeout_seconds=_MAINTENANCE_SECONDS, env=self._env)
