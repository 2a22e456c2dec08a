"""A value or a text kept as a file: the whole of it, or the one before.

A file is replaced in one step, so that a crash leaves the old one or the new. Nobody else can
read it. Keep out: what is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from alt_backup_assets.values import Frozen


def keep(path: Path, value: Frozen) -> None:
    """Write a value in place of the one before, on the disk before this returns."""
    keep_text(path, value.model_dump_json())


def keep_text(path: Path, text: str) -> None:
    """Write a text in place of the one before, on the disk before this returns."""
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(path)
    fsync_directory(path.parent)


def fsync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk before this returns."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
