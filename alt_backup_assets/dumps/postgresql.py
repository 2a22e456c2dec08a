"""PostgreSQL: pg_dump with a fingerprint taken in the very same snapshot, and the way back.

The two verbs of every engine: ``dump`` takes a consistent dump of a running service,
``rehearse`` brings one to life in a throw-away target and takes the same content again.

Source: SPEC section 2; decision record, work packages 3A and 3B; PostgreSQL manual, pg_dump
(``--snapshot``) and pg_dumpall (``--globals-only``).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps import fingerprint, postgresql_live, postgresql_throwaway
from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.dumps.engine import Dumped, Restoration, ThroughServer
from alt_backup_assets.dumps.postgresql_content import (
    DatabaseContent,
    PostgresqlContent,
    Sequence,
)
from alt_backup_assets.dumps.psql import Psql, connect
from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.errors import DumpFailed, PlatformError, ToolError
from alt_backup_assets.platforms.seam import Platform, Service, Sink
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import pgarchive, postgresql

RESTORATION: Restoration = ThroughServer(wait=postgresql_live.wait, load=postgresql_live.load)

GLOBALS = "globals.sql"
_GLOBALS_END = b"\n-- PostgreSQL database cluster dump complete\n"
_MAINTENANCE_SECONDS = 300.0


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Dump every database of a volume's server, its roles, and the fingerprint of both.

    Args:
        volume: An entry with ``databases`` and ``user``.
        platform: Where its service runs.
        directory: An empty directory for the artifacts.

    Returns:
        What was written, and the content it was written from.

    Raises:
        DumpFailed: The archive is empty, cut, or has other tables than its contents list; or
            the roles' script is cut.
        ToolError: pg_dump, pg_dumpall or psql failed or did not end in time.
        PlatformError: The service is not there, or went away.
    """
    service = platform.service(volume.service)
    source = _Source(service, volume)
    source.end_leftovers()
    taken_at = datetime.now(UTC)
    with source.connection(volume.databases[0]) as psql:
        psql.execute("CHECKPOINT")
        server = fingerprint.server(psql)
        roles = fingerprint.roles(psql)
    with writing(directory / GLOBALS) as roles_file:
        source.run(postgresql.pg_dumpall_globals(source.user), roles_file.write)
    _require_whole_globals(directory / GLOBALS)
    taken = [_dump_database(source, database, directory) for database in volume.databases]
    return Dumped(
        taken_at=taken_at,
        runtime=service.runtime,
        server_version=server["version"],
        artifacts=(roles_file.artifact, *(artifact for artifact, _ in taken)),
        content=PostgresqlContent(
            superuser=server["superuser"],
            preload=server["preload"],
            roles=roles,
            databases=tuple(content for _, content in taken),
        ),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> PostgresqlContent:
    """Restore a dump into a throw-away server and take its content again.

    Args:
        record: The dump's record.
        directory: The dump, as it came back from the repository.
        platform: Makes the throw-away target.

    Returns:
        What the restored server holds, to be compared with the record.

    Raises:
        ToolError: The server did not start, or the restore stopped at its first error.
        PlatformError: No throw-away target could be made.
    """
    recorded = record.content
    if not isinstance(recorded, PostgresqlContent):
        raise DumpFailed(f"the record of {record.volume} is not of a PostgreSQL dump")
    with postgresql_throwaway.server(platform, record, recorded) as scratch:
        scratch.load_globals(directory / GLOBALS)
        for database in recorded.databases:
            scratch.load(directory / archive_name(database.name))
        return PostgresqlContent(
            superuser=recorded.superuser,
            preload=recorded.preload,
            roles=scratch.roles(),
            databases=tuple(scratch.content(database.name) for database in recorded.databases),
        )


def archive_name(database: str) -> str:
    """Return the file name of a database's archive."""
    return f"{database.replace('/', '_')}.dump"


class _Source:
    """The volume's own server, and how its user reaches it."""

    def __init__(self, service: Service, volume: Volume) -> None:
        self.service = service
        self.user = str(volume.user)
        self.compression = volume.compression
        self.timeout_seconds = volume.timeout_minutes * 60.0
        # The name by which the server knows our connections, so that leftovers can be ended.
        self._application = f"alt-backup {volume.name}"[:63]
        self._env = {"PGAPPNAME": self._application}
        if volume.passfile:
            self._env["PGPASSFILE"] = volume.passfile

    def run(self, argv: list[str], sink: Sink) -> None:
        self.service.run(argv, timeout_seconds=self.timeout_seconds, stdout=sink, env=self._env)

    def output(self, argv: list[str]) -> str:
        return self.service.run(argv, timeout_seconds=self.timeout_seconds, env=self._env).decode()

    @contextmanager
    def connection(self, database: str) -> Iterator[Psql]:
        with connect(
            self.service,
            self.user,
            database,
            env=self._env,
            timeout_seconds=self.timeout_seconds,
        ) as psql:
            yield psql

    def end_leftovers(self) -> None:
        """End connections a killed run of ours left in the server.

        The volume's lock is held, so every connection of this name but this one is a leftover.
        """
        ending = (
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
            f" WHERE application_name = {postgresql.literal(self._application)}"
            " AND pid <> pg_catalog.pg_backend_pid()"
        )
        argv = [*postgresql.psql(self.user, "template1"), "-c", ending]
        self.service.run(argv, timeout_seconds=_MAINTENANCE_SECONDS, env=self._env)

    def abandon(self) -> None:
        """End our connections after a failure, whose own error is the one that counts."""
        with suppress(ToolError, PlatformError):
            self.end_leftovers()


def _require_whole_globals(script: Path) -> None:
    # A pipe can be cut while the command behind it still exits 0; this line comes last.
    if _GLOBALS_END not in script.read_bytes():
        raise DumpFailed(f"{script.name} is cut short: pg_dumpall's last line is not in it")


def _dump_database(
    source: _Source, database: str, directory: Path
) -> tuple[Artifact, DatabaseContent]:
    with source.connection(database) as psql, ThreadPoolExecutor(max_workers=1) as beside:
        # Sequences are not transactional: read before the dump, they can only be further on in it.
        psql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (exported,) = psql.rows("SELECT pg_catalog.pg_export_snapshot() AS id")
        sequences = fingerprint.sequences(psql)
        dumping = beside.submit(_write_archive, source, database, exported["id"], directory)
        with ExitStack() as on_failure:
            on_failure.callback(source.abandon)  # pg_dump would go on for nobody
            content = _content(source, psql, database, exported["id"], sequences)
            on_failure.pop_all()
        artifact = dumping.result()
        psql.execute("COMMIT")
    pgarchive.require_whole(directory / artifact.path)
    return artifact, content


def _write_archive(source: _Source, database: str, snapshot: str, directory: Path) -> Artifact:
    argv = postgresql.pg_dump(
        source.user, database, compression=source.compression, snapshot=snapshot
    )
    with writing(directory / archive_name(database)) as archive:
        source.run(argv, archive.write)
    return archive.artifact


def _content(
    source: _Source, psql: Psql, database: str, snapshot: str, sequences: tuple[Sequence, ...]
) -> DatabaseContent:
    schema = source.output(postgresql.pg_dump_schema(source.user, database, snapshot=snapshot))
    return DatabaseContent(
        name=database,
        schema_objects=fingerprint.schema_objects(schema),
        relations=fingerprint.relations(psql),
        sequences=sequences,
        extensions=fingerprint.extensions(psql),
    )
