"""Plain files: the volume as it is, with the hash of every byte that was read.

A file that changes while it is read is marked and not compared.

Source: SPEC section 2, "files".
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.files.content_rules import broken_rules
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.tree import TREE, copy_tree, read_tree
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

RESTORATION: Restoration = VolumeFiles(lay_out=lambda _record, directory: directory / TREE)


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Copy a volume and record every entry of it.

    Args:
        volume: An entry of the engine ``files``.
        platform: Knows where the volume's files are.
        directory: An empty directory for the copy.

    Returns:
        The manifest, with the hash of every file as it was read from the source.

    Raises:
        DumpFailed: The volume holds no file at all, one could not be copied, or one is not what
            the registry's ``contents`` says.
        VolumeUnreadable: Its files cannot be read from here.
    """
    source = platform.volume_path(volume.name, volume.service)
    taken_at = datetime.now(UTC)
    content = copy_tree(source, directory / TREE)
    if not any(entry.kind == "file" for entry in content.entries):
        raise DumpFailed(
            f"{source} holds no file: an empty volume never replaces the last good dump"
            " (is the right directory mounted?)"
        )
    if broken := broken_rules(directory / TREE, volume.contents):
        raise DumpFailed(
            f"{source} is not what its registry entry wants: {'; '.join(broken)};"
            " the last good dump stays"
        )
    return Dumped(taken_at, runtime=None, server_version="", artifacts=(), content=content)


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> FilesContent:
    """Read a restored volume again, entry by entry."""
    return read_tree(directory / TREE)
