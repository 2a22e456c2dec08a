"""Grafana: its SQLite database by an online backup, and everything else in its volume as files.

Source: SPEC section 2, "Grafana".
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.files.content import FileEntry
from alt_backup_assets.dumps.grafana import database
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.tree import TREE, artifacts, copy_tree, read_tree
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

RESTORATION: Restoration = VolumeFiles(lay_out=lambda _record, directory: directory / TREE)

UNIT = "rows or bytes"
_WRITER_SECONDS = 60.0


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Copy a volume of Grafana, its database as of one moment.

    Args:
        volume: An entry of the engine ``grafana``.
        platform: Knows where the volume's files are.
        directory: An empty directory for the copy.

    Returns:
        The tables of the database and the other files, with a hash of each.

    Raises:
        DumpFailed: There is no database, it cannot be read, is damaged or is not Grafana's.
        VolumeUnreadable: Files cannot be read from here.
    """
    source = platform.volume_path(volume.name, volume.service)
    database.require_database(source / database.NAME)
    taken_at = datetime.now(UTC)
    files = copy_tree(source, directory / TREE, wanted=lambda path: path not in database.BESIDE)
    copied = directory / TREE / database.NAME
    tables = database.copy(
        source / database.NAME, copied, timeout_seconds=min(_WRITER_SECONDS, _seconds(volume))
    )
    made = database.artifact(copied, f"{TREE}/{database.NAME}")
    itself = _itself((source / database.NAME).stat(), made.size_bytes)
    return Dumped(
        taken_at=taken_at,
        runtime=None,
        server_version="",
        artifacts=(*artifacts(files), made),
        content=Inventory(unit=UNIT, items=(*tables, itself, *map(_item, files.entries))),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> Inventory:
    """Open a restored database with SQLite and take its content and the files again.

    Raises:
        DumpFailed: The database is damaged, or something cannot be read.
    """
    tree = directory / TREE
    copied = tree / database.NAME
    database.require_database(copied)
    database.require_whole(copied)
    status = copied.stat()
    itself = _itself(status, status.st_size)
    files = [entry for entry in read_tree(tree).entries if entry.path != database.NAME]
    return Inventory(unit=UNIT, items=(*database.take(copied), itself, *map(_item, files)))


def _seconds(volume: Volume) -> float:
    return volume.timeout_minutes * 60.0


def _itself(status: os.stat_result, size_bytes: int) -> Item:
    """Return the database as a file: its bytes are told by its tables, and may differ."""
    owner = f"{stat.S_IMODE(status.st_mode):o} {status.st_uid}:{status.st_gid}"
    return Item(name=f"file {database.NAME}", count=size_bytes, content=owner)


def _item(entry: FileEntry) -> Item:
    name = f"{entry.kind} {entry.path}"
    if entry.changed:  # it came back as it was copied, or not: only its size is known
        return Item(name=name, count=entry.size_bytes, at_most=entry.size_bytes)
    content = f"{entry.mode:o} {entry.owner} {entry.content}"
    return Item(name=name, count=entry.size_bytes, content=content)
