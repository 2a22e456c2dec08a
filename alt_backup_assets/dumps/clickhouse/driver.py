"""ClickHouse: its own BACKUP with the content of every table, and the way back.

There is no fallback to the server's live files: without a disk ``backups`` there is no dump.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.clickhouse import backup, live
from alt_backup_assets.dumps.clickhouse import content as clickhouse_content
from alt_backup_assets.dumps.clickhouse.local import Local, restore_aside
from alt_backup_assets.dumps.engine import Dumped, Restoration, ThroughServer
from alt_backup_assets.dumps.inventory import Inventory, Item, settled
from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.errors import DrillError, DumpFailed
from alt_backup_assets.platforms.seam import Platform, Service, Throwaway
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.clickhouse import Server, name

RESTORATION: Restoration = ThroughServer(wait=live.wait, load=live.load)

_ITS_OWN = frozenset({"system", "INFORMATION_SCHEMA", "information_schema"})


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Back up every database of a volume's server.

    Raises:
        DumpFailed: No disk ``backups``, no such database, or ClickHouse's BACKUP failed.
        ToolError: ClickHouse refused a query or did not answer in time.
        PlatformError: The service is not there, or went away.
    """
    service = platform.service(volume.service)
    source = backup.server(volume, service)
    disk = backup.directory_of_backups(source)
    backup.remove_leftovers(volume, service, disk)
    there = [str(row["name"]) for row in source.ask("SELECT name FROM system.databases")]
    for database in volume.databases:
        if database not in there:
            raise DumpFailed(
                f"{service.label} has no database {database}: correct `databases` of {volume.name}"
            )
    taken_at = datetime.now(UTC)
    (version,) = source.ask("SELECT version() AS version")
    taken = [
        _dump(source, volume, service, disk, each, directory=directory) for each in volume.databases
    ]
    items = sorted((item for _, found in taken for item in found), key=lambda item: item.name)
    return Dumped(
        taken_at=taken_at,
        runtime=service.runtime,
        server_version=str(version["version"]),
        artifacts=tuple(artifact for artifact, _ in taken),
        content=Inventory(unit=clickhouse_content.UNIT, items=tuple(items)),
        warnings=_warnings(source, volume, there),
    )


def _dump(
    source: Server, volume: Volume, service: Service, disk: str, database: str, *, directory: Path
) -> tuple[Artifact, tuple[Item, ...]]:
    before = clickhouse_content.take(source.ask, database)
    artifact = backup.dump_database(source, volume, service, disk, database, directory=directory)
    return artifact, settled(before, clickhouse_content.take(source.ask, database))


def _warnings(source: Server, volume: Volume, there: list[str]) -> tuple[str, ...]:
    unnamed = [each for each in there if each not in {*volume.databases, *_ITS_OWN}]
    return (
        *(
            f"database {each} of service {volume.service} is in no registry entry: it is NOT"
            f" backed up; add it to `databases` of {volume.name}"
            for each in unnamed
            if clickhouse_content.tables(source.ask, each)
        ),
        *(
            f"the rows of {each}.{table.name} are kept elsewhere ({table.engine}): only its"
            " definition is backed up"
            for each in volume.databases
            for table in clickhouse_content.tables(source.ask, each)
            if table.is_elsewhere
        ),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> Inventory:
    """Restore a dump with ``clickhouse local`` and take its content again.

    Raises:
        DrillError: A part of a table is damaged, or the record is of another engine.
        ToolError: ClickHouse refused the archive.
        PlatformError: No throw-away target could be made.
    """
    if record.runtime is None or not isinstance(record.content, Inventory):
        raise DrillError(f"the record of {record.volume} is not of a ClickHouse dump")
    items: list[Item] = []
    with platform.throwaway(record.service, record.runtime) as place:
        for database in clickhouse_content.databases(record.content):
            items += _rehearse(place, directory, database)
    items.sort(key=lambda item: item.name)
    return Inventory(unit=record.content.unit, items=tuple(items))


def _rehearse(place: Throwaway, directory: Path, database: str) -> tuple[Item, ...]:
    local, scratch = restore_aside(place, directory, database)
    for table in clickhouse_content.tables(local.ask, scratch):
        if table.engine.endswith("MergeTree"):
            _check(local, scratch, table.name)
    return clickhouse_content.take(local.ask, scratch, database)


def _check(local: Local, database: str, table: str) -> None:
    options = "SETTINGS check_query_single_value_result = 0"
    for row in local.ask(f"CHECK TABLE {name(database)}.{name(table)} {options}"):
        if str(row.get("is_passed")) != "1":
            raise DrillError(f"table {table} is damaged: {row.get('part_path')}: {row}")
