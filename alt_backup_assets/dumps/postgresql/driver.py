"""PostgreSQL: pg_dump with a fingerprint taken in the very same snapshot, and the way back.

The two verbs of every engine: ``dump`` takes a consistent dump of a running service,
``rehearse`` brings one to life in a throw-away target and takes the same content again.

Source: SPEC section 2; decision record, work packages 3A and 3B; PostgreSQL manual, pg_dump
(``--snapshot``) and pg_dumpall (``--globals-only``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.dumps.engine import Dumped, Restoration, ThroughServer
from alt_backup_assets.dumps.postgresql import fingerprint, live, standstill, throwaway, wait
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, PostgresqlContent
from alt_backup_assets.dumps.postgresql.files import GLOBALS, archive_name
from alt_backup_assets.dumps.postgresql.server import Server
from alt_backup_assets.dumps.postgresql.throwaway import Scratch
from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.errors import DrillError, DumpFailed, ToolError
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import pgarchive, postgresql
from alt_backup_assets.tools.parallel import each

RESTORATION: Restoration = ThroughServer(wait=wait.wait, load=live.load)

# Databases of one throw-away server; each is loaded by two connections.
_SIDE_BY_SIDE = 2
_GLOBALS_END = b"\n-- PostgreSQL database cluster dump complete\n"


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
    source = Server(service, volume)
    source.end_leftovers()
    taken_at = datetime.now(UTC)
    with source.connection(volume.databases[0]) as psql:
        psql.execute("CHECKPOINT")
        state = standstill.state(psql)
        server = fingerprint.server(psql)
        roles = fingerprint.roles(psql)
        databases = fingerprint.databases(psql)
        data_bytes = fingerprint.data_bytes(psql, volume.databases)
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
        warnings=tuple(_unnamed(source, volume, databases)),
        server_state=state,
        data_bytes=data_bytes,
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
        ToolError: The server did not start, or would not take the roles.
        PlatformError: No throw-away target could be made.
        DrillError: Databases did not come back; each is named, with its first error.
    """
    recorded = record.content
    if not isinstance(recorded, PostgresqlContent):
        raise DumpFailed(f"the record of {record.volume} is not of a PostgreSQL dump")
    if throwaway.fits_in_memory(platform, record):
        try:
            return _rehearse(record, recorded, directory, platform, in_memory=True)
        except (ToolError, DrillError) as error:
            if not throwaway.lacked_memory(error):
                raise
    return _rehearse(record, recorded, directory, platform, in_memory=False)


def _rehearse(
    record: DumpRecord,
    recorded: PostgresqlContent,
    directory: Path,
    platform: Platform,
    *,
    in_memory: bool,
) -> PostgresqlContent:
    with throwaway.server(platform, record, recorded, in_memory=in_memory) as scratch:
        scratch.load_globals(directory / GLOBALS)
        databases = _bring_back(scratch, directory, recorded.databases)
        return PostgresqlContent(
            superuser=recorded.superuser,
            preload=recorded.preload,
            roles=scratch.roles(),
            databases=databases,
        )


def _bring_back(
    scratch: Scratch, directory: Path, recorded: Sequence[DatabaseContent]
) -> tuple[DatabaseContent, ...]:
    """Load databases side by side, the largest first, and take the content of each at once."""
    archives = {database.name: directory / archive_name(database.name) for database in recorded}
    hashing = {database.name: database.hashing for database in recorded}
    restored: dict[str, DatabaseContent] = {}

    def work(name: str) -> None:
        scratch.load(archives[name])
        restored[name] = scratch.content(name, hashing[name])

    largest_first = sorted(archives, key=lambda name: -archives[name].stat().st_size)
    ended = tuple(each(largest_first, work, workers=_SIDE_BY_SIDE))
    for done in ended:
        if done.error and not isinstance(done.error, Exception):
            raise done.error  # Ctrl-C
    if failed := [f"{done.item}: {done.message}" for done in ended if done.error]:
        raise DrillError("; ".join(sorted(failed)))
    return tuple(restored[name] for name in archives)


def _require_whole_globals(script: Path) -> None:
    # A pipe can be cut while the command behind it still exits 0; this line comes last.
    if _GLOBALS_END not in script.read_bytes():
        raise DumpFailed(f"{script.name} is cut short: pg_dumpall's last line is not in it")


def _dump_database(
    source: Server, database: str, directory: Path
) -> tuple[Artifact, DatabaseContent]:
    with (
        source.snapshot(database) as (psql, snapshot, sequences),
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        dumping = beside.submit(_write_archive, source, database, snapshot, directory)
        with ExitStack() as on_failure:
            on_failure.callback(source.abandon)  # pg_dump would go on for nobody
            content = source.content(psql, database, snapshot, sequences)
            on_failure.pop_all()
        artifact = dumping.result()
    pgarchive.require_whole(directory / artifact.path)
    return artifact, content


def _write_archive(source: Server, database: str, snapshot: str, directory: Path) -> Artifact:
    argv = postgresql.pg_dump(
        source.user, database, compression=source.compression, snapshot=snapshot
    )
    with writing(directory / archive_name(database)) as archive:
        source.run(argv, archive.write)
    return archive.artifact


def _unnamed(source: Server, volume: Volume, databases: list[str]) -> Iterator[str]:
    """Say which databases of the server no entry of this volume names."""
    for database in databases:
        if database in volume.databases:
            continue
        if database == "postgres":  # every server has it, and most leave it empty
            with source.connection(database) as psql:
                if fingerprint.is_empty(psql):
                    continue
        yield (
            f"database {database} of service {volume.service} is in no registry entry: it is NOT"
            f" backed up; add it to `databases` of {volume.name}"
        )
