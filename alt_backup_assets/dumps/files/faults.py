"""What is planted in a volume of plain files: a file that is still there and holds nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.planting import Damage, Planting, Sound
from alt_backup_assets.dumps.tree import TREE
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform

FILE_ZEROED = "file_zeroed"
FAULTS: tuple[str, ...] = (FILE_ZEROED,)


def plant(sound: Sound, room: Path, platform: Platform) -> Planting:
    """Prepare to empty the largest file that is compared; see ``Planter.plant``."""
    content = sound.record.content
    if not isinstance(content, FilesContent):
        raise DumpFailed(f"the record of {sound.record.volume} is not of a volume of files")
    files = [e for e in content.entries if e.kind == "file" and e.size_bytes and not e.changed]
    if not files:
        return Planting(_nothing, (), {FILE_ZEROED: "the volume holds no file with content"})
    largest = max(files, key=lambda entry: entry.size_bytes)
    damage = Damage(
        FILE_ZEROED,
        rf"^{re.escape(largest.path)}: size_bytes is 0, {largest.size_bytes} was recorded$",
        lambda directory: os.truncate(directory / TREE / largest.path, 0),
    )
    return Planting(_nothing, (damage,))


def _nothing(_directory: Path) -> None:
    """Change nothing: the copy is the control."""
