"""Puts ClickHouse databases back through the running server.

RENAME DATABASE does not follow into the texts of views, so the archive is restored twice: under
a staging name, where it must equal the record, and, once the old database is set aside under
``<db>__alt_backup_old``, under its own name. The old one is dropped last. A rerun after a crash
puts the old one back first: it is never lost. So it is for ``default`` too: a server that starts
without it makes it anew, empty, beside the old one.

Source: ClickHouse documentation, "RENAME Statement" (one database at a time is one step, several
tables are not); ``DatabaseAtomic::renameDatabase``, which treats ``default`` like any other.
"""

from __future__ import annotations

import time

from alt_backup_assets.dumps.clickhouse import backup
from alt_backup_assets.dumps.clickhouse import content as clickhouse_content
from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.upload import send
from alt_backup_assets.errors import (
    AltBackupError,
    RestoreFailed,
    RestoreRefused,
    ServiceVanished,
    ToolTimeout,
)
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.clickhouse import Ask, Server, name, text

_WAIT_SECONDS = 120.0
_RENAMED = frozenset({"Atomic", "Replicated"})  # no other kind of database can be set aside
_NEW = "__alt_backup_new"
_OLD = "__alt_backup_old"


def wait(volume: Volume, service: Service) -> None:
    """Return once the server answers.

    Raises:
        ServiceVanished: It does not within two minutes.
        ToolFailed: It refuses our user.
    """
    source = backup.server(volume, service)
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            source.ask("SELECT 1 AS one")
        except (ServiceVanished, ToolTimeout):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def load(loading: Loading) -> Inventory:
    """Bring every database of a dump back and take its content.

    Raises:
        RestoreRefused: ``into`` is there already, or the dump has several databases for it; or
            a database is of an engine that cannot be renamed. Nothing was changed.
        RestoreFailed: What came back is not what was recorded; the message says where the old
            database is.
    """
    source = backup.server(loading.volume, loading.service)
    disk = backup.directory_of_backups(source)
    backup.remove_leftovers(loading.volume, loading.service, disk)
    databases = _databases(loading)
    _require_place(loading, source, databases)
    items = [item for each in databases for item in _load(loading, source, disk, each)]
    return Inventory(unit=clickhouse_content.UNIT, items=tuple(sorted(items, key=_by_name)))


def _require_place(loading: Loading, source: Server, databases: list[str]) -> None:
    if loading.into is None:
        for each in databases:
            _require_renamed(source, each)
        return
    if len(databases) > 1:
        raise RestoreRefused(f"--into takes one database, and the dump has {len(databases)}")
    if exists(source.ask, loading.into):
        raise RestoreRefused(f"database {loading.into} is there already: choose another --into")


def _require_renamed(source: Server, database: str) -> None:
    asked = f"SELECT engine FROM system.databases WHERE name = {text(database)}"
    for row in source.ask(asked):
        if row["engine"] not in _RENAMED:
            raise RestoreRefused(
                f"the database {database} has the engine {row['engine']} and cannot be set aside,"
                " so it cannot be replaced as a whole: restore it --into another database; or,"
                f" where nothing of it is needed, drop {database} and restore again"
            )


def exists(ask: Ask, database: str) -> bool:
    """Tell whether a database is there."""
    return bool(ask(f"SELECT name FROM system.databases WHERE name = {text(database)}"))


def _recorded(loading: Loading) -> Inventory:
    content = loading.record.content
    if not isinstance(content, Inventory):
        raise RestoreRefused(f"the record of {loading.record.volume} is not of ClickHouse")
    return content


def _databases(loading: Loading) -> list[str]:
    return list(clickhouse_content.databases(_recorded(loading)))


def _by_name(item: Item) -> str:
    return item.name


def _load(loading: Loading, source: Server, disk: str, database: str) -> tuple[Item, ...]:
    volume, service = loading.volume, loading.service
    with backup.archive_in_service(volume, service, disk) as (file, path):
        archive = loading.directory / backup.archive_of(database)
        send(service, archive, path, timeout_seconds=source.timeout_seconds)
        if loading.into is not None:
            return _restore(loading, source, database, loading.into, file)
        return _swap(loading, source, database, file)


def _swap(loading: Loading, source: Server, database: str, file: str) -> tuple[Item, ...]:
    new, old = database + _NEW, database + _OLD
    if exists(source.ask, old):  # a run that was killed
        _drop(source, database)
        source.ask(f"RENAME DATABASE {name(old)} TO {name(database)}")
    _drop(source, new)
    _restore(loading, source, database, new, file)
    _drop(source, new)
    if not exists(source.ask, database):
        return _restore(loading, source, database, database, file)
    source.ask(f"RENAME DATABASE {name(database)} TO {name(old)}")
    try:
        items = _restore(loading, source, database, database, file)
    except AltBackupError as error:
        raise RestoreFailed(
            f"{error}; the old data of {database} is in database {old}: run the restore again,"
            " which puts it back first"
        ) from error
    _drop(source, old)
    return items


def _drop(source: Server, database: str) -> None:
    source.ask(f"DROP DATABASE IF EXISTS {name(database)} SYNC")


def _restore(
    loading: Loading, source: Server, database: str, target: str, file: str
) -> tuple[Item, ...]:
    source.ask(
        f"RESTORE DATABASE {name(database)} AS {name(target)} FROM Disk('backups', {text(file)})"
    )
    items = clickhouse_content.take(source.ask, target, database)
    recorded = _recorded(loading)
    ours = tuple(i for i in recorded.items if _is_of(i.name, database))
    unlike = Inventory(unit=recorded.unit, items=ours).differences(
        Inventory(unit=recorded.unit, items=items)
    )
    if unlike:
        raise RestoreFailed(f"{target} is not what was recorded: {'; '.join(unlike)}")
    return items


def _is_of(item: str, database: str) -> bool:
    return item == f"database {database}" or item.split(" ", 1)[1].startswith(f"{database}.")
