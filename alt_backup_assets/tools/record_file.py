"""A frozen value kept as a file: the whole of it, or the one before."""

from __future__ import annotations

import os
from pathlib import Path

from alt_backup_assets.values import Frozen


def keep(path: Path, value: Frozen) -> None:
    """Write a value in place of the one before, on the disk before this returns."""
    aside = path.with_suffix(".new")
    with aside.open("w") as stream:
        stream.write(value.model_dump_json())
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(path)
