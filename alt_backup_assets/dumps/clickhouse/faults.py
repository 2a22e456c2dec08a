"""What is planted in a ClickHouse dump: a table that lacks one of its parts.

``clickhouse local`` restores a database, drops the part and takes its own BACKUP again, so that the
archive is whole and only its content is another one. The control is what the same program backs
up before that.

Source: ClickHouse documentation, "Manipulating Partitions and Parts" (DROP PART), "Backup and
restore" (AS), ``system.parts``.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alt_backup_assets.dumps.clickhouse import content as clickhouse_content
from alt_backup_assets.dumps.clickhouse.backup import archive_of
from alt_backup_assets.dumps.clickhouse.local import Local, restore_aside
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.planting import Damage, Planting, Sound
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.tools.clickhouse import name, text

PART_DROPPED = "part_dropped"
FAULTS: tuple[str, ...] = (PART_DROPPED,)

_NO_PART = "no table of a MergeTree that keeps its rows as they are has any"


@dataclass(frozen=True)
class _Place:
    """A table that a part can be taken from.

    Attributes:
        real: Its real name.
        recorded: What was recorded of it.
    """

    real: str
    recorded: Item


def plant(sound: Sound, room: Path, platform: Platform) -> Planting:
    """Prepare a dump whose smallest table lacks its smallest part; see ``Planter.plant``."""
    record = sound.record
    if record.runtime is None or not isinstance(record.content, Inventory):
        raise DumpFailed(f"the record of {record.volume} is not of a ClickHouse dump")
    with platform.throwaway(record.service, record.runtime) as place:
        for database in clickhouse_content.databases(record.content):
            local, scratch = restore_aside(place, sound.directory, database)
            table = _smallest(local, scratch, database, record.content)
            if table is not None:
                return _planted(local, scratch, database, table, room)
    return Planting(_nothing, (), {PART_DROPPED: _NO_PART})


def _planted(local: Local, scratch: str, database: str, table: _Place, room: Path) -> Planting:
    control = _back_up(local, scratch, database, room / "control.tar.gz")
    where = f"database = {text(scratch)} AND table = {text(table.real)} AND active"
    (part, *_) = local.ask(f"SELECT name FROM system.parts WHERE {where} ORDER BY rows, name")
    altered = f"{name(scratch)}.{name(table.real)}"
    local.ask(f"ALTER TABLE {altered} DROP PART {text(str(part['name']))}")
    shorter = _back_up(local, scratch, database, room / "shorter.tar.gz")
    recorded = table.recorded
    says = rf"^{re.escape(recorded.name)} has \d+ rows, {recorded.count} were recorded$"
    damage = Damage(PART_DROPPED, says, partial(_put, shorter, archive_of(database)))
    return Planting(partial(_put, control, archive_of(database)), (damage,))


def _smallest(local: Local, scratch: str, database: str, recorded: Inventory) -> _Place | None:
    items = {item.name: item for item in recorded.items if item.count and item.at_most is None}
    found = [
        _Place(table.name, items[label])
        for table in clickhouse_content.tables(local.ask, scratch)
        for label in [f"table {database}.{table.shown}"]
        if table.has_parts and label in items
    ]
    return min(found, key=lambda place: place.recorded.count, default=None)


def _back_up(local: Local, scratch: str, database: str, copy: Path) -> Path:
    file = f"planted={copy.name}"
    local.ask(
        f"BACKUP DATABASE {name(scratch)} AS {name(database)} TO Disk('backups', {text(file)})"
    )
    path = posixpath.join(local.backups, file)
    with copy.open("xb") as stream:
        local.place.run(["cat", path], timeout_seconds=local.timeout_seconds, stdout=stream.write)
    return copy


def _put(archive: Path, file: str, directory: Path) -> None:
    shutil.copyfile(archive, directory / file)


def _nothing(_directory: Path) -> None:
    """Change nothing: the copy is the control."""
