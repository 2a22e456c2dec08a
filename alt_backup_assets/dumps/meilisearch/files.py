"""The files of Meilisearch: its snapshot copied out of the volume, and the tree it starts from.

A volume is put back with the snapshot already unpacked into the database's directory, so that
the service's ordinary command finds its data: ``--import-snapshot`` would refuse a database that
is there, and would have to be taken out of the command again.

Source: Meilisearch documentation, "Snapshots", "Configure Meilisearch at launch".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.meilisearch import archive
from alt_backup_assets.dumps.meilisearch.archive import Archive
from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.dumps.tree import TREE, artifacts, copy_tree
from alt_backup_assets.errors import DumpFailed, VolumeUnreadable
from alt_backup_assets.registry.volume import Volume

SNAPSHOT = "snapshot"
DATABASE = "database"
_SUFFIX = ".snapshot"
_CLOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Copied:
    """A snapshot in the dump.

    Attributes:
        snapshot: Its path in the volume.
        database: The path in the volume of the database it was made of.
        artifacts: The file, with the hash of the bytes that were read at the source.
        archive: What is in it.
    """

    snapshot: str
    database: str
    artifacts: tuple[Artifact, ...]
    archive: Archive


def copy_snapshot(source: Path, directory: Path, volume: Volume, *, not_before: float) -> Copied:
    """Copy the snapshot that was just written.

    Args:
        source: The volume.
        directory: The dump's.
        volume: Says in which folder of the volume snapshots are written.
        not_before: The Unix time when its task was made.

    Raises:
        DumpFailed: None is there, or none that is new; it is not whole; or its database is not
            in this volume.
        VolumeUnreadable: It cannot be read from here.
    """
    snapshot = _newest(source, volume, not_before)
    database = _database(source, Path(snapshot).name.removesuffix(_SUFFIX))
    content = copy_tree(source, directory / TREE, wanted=lambda path: _leads_to(path, snapshot))
    if any(entry.changed for entry in content.entries):
        raise DumpFailed(f"{snapshot} changed while it was read: run again")
    found = archive.read(directory / TREE / snapshot)
    return Copied(snapshot, database, artifacts(content), found)


def recorded(record: DumpRecord) -> Inventory:
    """Return the content of a record.

    Raises:
        DumpFailed: It is not of a Meilisearch dump.
    """
    content = record.content
    if not isinstance(content, Inventory) or not {SNAPSHOT, DATABASE} <= set(content.settings):
        raise DumpFailed(f"the record of {record.volume} is not of a Meilisearch dump")
    return content


def snapshot_of(record: DumpRecord, directory: Path) -> Path:
    """Return where the snapshot is in a dump; raises as ``recorded``."""
    return directory / TREE / recorded(record).settings[SNAPSHOT]


def lay_out(record: DumpRecord, directory: Path) -> Path:
    """Return the tree the volume must hold: the database, and the snapshot it comes from.

    Raises:
        DumpFailed: The snapshot cannot be unpacked, or the record is not of a Meilisearch dump.
        NotEnoughSpace: There is too little room for it.
    """
    snapshot = snapshot_of(record, directory)
    database = directory / TREE / recorded(record).settings[DATABASE]
    archive.unpack(snapshot, database)
    if os.geteuid() == 0:
        owner = snapshot.stat()
        for path in (database, *database.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return directory / TREE


def _newest(source: Path, volume: Volume, not_before: float) -> str:
    folder = source / volume.snapshots
    try:
        found = sorted(
            (path.stat().st_mtime, path) for path in folder.iterdir() if path.suffix == _SUFFIX
        )
    except FileNotFoundError:
        found = []
    except OSError as error:
        raise VolumeUnreadable(f"cannot read {folder}: {error.strerror}") from error
    if not found or found[-1][0] < not_before - _CLOCK_SECONDS:
        what = f"no new snapshot, only {found[-1][1].name}" if found else "no snapshot"
        raise DumpFailed(
            f"{folder} holds {what}, though Meilisearch says that it wrote one: set `snapshots`"
            f" of {volume.name} to where in the volume its --snapshot-dir is (is this its volume?)"
        )
    return str(found[-1][1].relative_to(source))


def _database(source: Path, name: str) -> str:
    # os.walk passes over a directory that went away: the volume is in use.
    found = [
        Path(place)
        for place, _directories, files in os.walk(source)
        if "VERSION" in files and Path(place).name == name
    ]
    if len(found) != 1:
        count = len(found) or "no"
        raise DumpFailed(
            f"{source} holds {count} databases named {name}, the one the snapshot was made of"
            " must be in the same volume: is this its volume?"
        )
    return str(found[0].relative_to(source))


def _leads_to(path: str, wanted: str) -> bool:
    return path == wanted or wanted.startswith(f"{path}/")
