"""Writes one file of a dump: hashed while it is written, fsynced before it counts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import DumpFailed


class Writing:
    """A file that is being written."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._stream.write(data)
        self._digest.update(data)
        self._size_bytes += len(data)

    @property
    def artifact(self) -> Artifact:
        """What was written."""
        return Artifact(
            path=self._path.name, size_bytes=self._size_bytes, sha256=self._digest.hexdigest()
        )


@contextmanager
def writing(path: Path) -> Iterator[Writing]:
    """Create a file (mode 0600) and hand out what writes to it; fsync at the end.

    Raises:
        DumpFailed: Nothing was written, or the disk did not take it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            out = Writing(path, stream)
            yield out
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise DumpFailed(f"cannot write {path}: {error.strerror}") from error
    if out.artifact.size_bytes == 0:
        raise DumpFailed(f"{path.name} is empty: 0 bytes were written")
