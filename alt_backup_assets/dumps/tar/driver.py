"""A volume as one ``.tar.gz`` that busybox reads, with the hash of every byte that was read.

For a volume that is to be opened without this package one day. A file that changes while it is
read is marked and not compared.

Source: SPEC section 2, ``.tar.gz``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.tar import archive
from alt_backup_assets.dumps.tree import TREE
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import targz

NAME = "volume.tar.gz"


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Write one archive of a volume and record every entry of it.

    Args:
        volume: An entry of the engine ``tar``.
        platform: Knows where the volume's files are.
        directory: An empty directory for the archive.

    Returns:
        The manifest, with the hash of every file as it was read from the source.

    Raises:
        DumpFailed: The volume holds no file at all, or the archive could not be written.
        VolumeUnreadable: Its files cannot be read from here.
    """
    source = platform.volume_path(volume.name, volume.service)
    taken_at = datetime.now(UTC)
    content, written = archive.write(source, directory / NAME)
    if not any(entry.kind == "file" for entry in content.entries):
        raise DumpFailed(
            f"{source} holds no file: an empty volume never replaces the last good dump"
            " (is the right directory mounted?)"
        )
    return Dumped(taken_at, runtime=None, server_version="", artifacts=(written,), content=content)


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> FilesContent:
    """Read a restored archive to its end, member by member.

    Raises:
        ArchiveError: It is cut, damaged, or a member leads outside.
    """
    return archive.read(directory / NAME)


def lay_out(record: DumpRecord, directory: Path) -> Path:
    """Unpack an archive into the tree the volume must hold.

    Raises:
        ArchiveError: It cannot be read to its end, a member leads outside, or the disk did not
            take it.
        NotEnoughSpace: There is too little room.
    """
    tree = directory / TREE
    tree.mkdir(mode=0o700)
    targz.unpack(directory / NAME, tree)
    return tree


RESTORATION: Restoration = VolumeFiles(lay_out=lay_out)
