"""Faults for the verifier's own drill: damage that a drill must notice and name.

An engine's planter takes a sound dump and says how copies of it are to be damaged. It works on
copies and in throw-away targets only. Add an engine by adding its ``faults`` module and a line in
``PLANTERS``. Keep out: taking a snapshot of a damaged copy, and drilling it.

Source: SPEC section 5, "A verifier must prove that it can fail".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from alt_backup_assets.dumps.record import RECORD_NAME, Artifact, DumpRecord, read_record
from alt_backup_assets.platforms.seam import Platform

Change = Callable[[Path], object]
"""Changes the files of a dump in a directory."""


@dataclass(frozen=True)
class Sound:
    """A dump without a fault, as it came back from the repository.

    Attributes:
        record: Its record.
        directory: Its files; they stay as they are.
    """

    record: DumpRecord
    directory: Path


@dataclass(frozen=True)
class Damage:
    """One fault.

    Attributes:
        fault: Its name.
        says: A regular expression; a sentence of the drill must match it, so that a drill that
            failed for another reason does not count.
        change: Damages a copy of the dump.
        agrees: Whether the record's hashes are made to agree with the damaged files, so that
            only what is restored can tell.
    """

    fault: str
    says: str
    change: Change
    agrees: bool = True


@dataclass(frozen=True)
class Planting:
    """What one engine plants in one dump.

    Attributes:
        control: The same work without the fault; its drill must be green.
        damages: The faults.
        lacking: Why a fault cannot be planted in this data, by its name.
    """

    control: Change
    damages: tuple[Damage, ...]
    lacking: dict[str, str] = field(default_factory=dict)


class Planter(Protocol):
    """An engine's module of faults."""

    FAULTS: tuple[str, ...]

    def plant(self, sound: Sound, room: Path, platform: Platform) -> Planting:
        """Prepare the faults of a dump.

        Args:
            sound: The dump.
            room: An empty directory for what the changes need; it outlives them.
            platform: Makes throw-away targets.

        Raises:
            ToolError: A program of the engine failed.
            PlatformError: No throw-away target could be made.
        """


def make_record_agree(directory: Path) -> None:
    """Give the record of a damaged dump the hashes of its files as they are now."""
    record = read_record(directory)
    artifacts = tuple(_as_it_is(directory, artifact) for artifact in record.artifacts)
    changed = record.model_copy(update={"artifacts": artifacts})
    (directory / RECORD_NAME).write_text(changed.model_dump_json())


def flip_byte(path: Path, offset: int) -> None:
    """Turn every bit of one byte of a file around."""
    with path.open("r+b") as stream:
        stream.seek(offset)
        (byte,) = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ 0xFF]))


def _as_it_is(directory: Path, artifact: Artifact) -> Artifact:
    path = directory / artifact.path
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return artifact.model_copy(update={"size_bytes": path.stat().st_size, "sha256": digest})
