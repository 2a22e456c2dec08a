"""The ``.tar.gz`` of a whole volume, as busybox's tar writes it: read to its end, and unpacked.

Nothing in it can lead outside the directory it is unpacked into. A symbolic link's target is
only text, and comes back as it was; nothing is ever written through a link. Keep out: what is in
the volume.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from alt_backup_assets.errors import ArchiveError, NotEnoughSpace

_END_BYTES = 1024


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes:
        path: Below the root, without busybox's ``./``; ``.`` for the root itself.
        info: Its header.
        sha256: Of a file's bytes, where that was asked for; empty otherwise.
    """

    path: str
    info: tarfile.TarInfo
    sha256: str


def members(path: Path, *, hashed: bool = False) -> Iterator[Member]:
    """Read an archive from its first byte to its last.

    Args:
        path: The archive.
        hashed: Whether every file's bytes are hashed.

    Raises:
        ArchiveError: It is cut, damaged, has no end mark, or a member leads outside.
    """
    guard = _Guard(path.name)
    with _opened(path) as archive:
        for info in archive:
            sha256 = _sha256(archive, info) if hashed and info.isreg() else ""
            yield Member(guard.checked(info), info, sha256)


def unpack(path: Path, directory: Path) -> None:
    """Unpack an archive into an empty directory: modes as they were, owners too for root.

    Devices and pipes hold no data and are left out.

    Args:
        path: The archive.
        directory: Must be there; takes the mode and the owner of the archive's root.

    Raises:
        ArchiveError: It cannot be read to its end, a member leads outside, or the disk did
            not take it. What was unpacked until then is still there.
        NotEnoughSpace: There is too little room; nothing was written.
    """
    needed = sum(member.info.size for member in members(path) if member.info.isreg())
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise NotEnoughSpace(f"{path.name} needs {needed} bytes in {directory}; {free} are free")
    with _opened(path) as archive:
        archive.errorlevel = 2  # an owner or a mode that cannot be set is an error too
        # An attribute, since Debian 12's Python has no filters: what is guarded comes as it is.
        archive.extraction_filter = lambda member, _directory: member
        wanted = _wanted(archive, _Guard(path.name))
        archive.extractall(directory, members=wanted, numeric_owner=True)  # noqa: S202 (guarded)


class _Guard:
    """Refuses members that would be written outside, or through a link."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._links: set[str] = set()

    def checked(self, member: tarfile.TarInfo) -> str:
        """Return a member's path below the root, without busybox's ``./``."""
        path = self._inside(member, member.name)
        if member.islnk():
            self._inside(member, member.linkname)
        if member.issym():
            self._links.add(str(path))
        return str(path)

    def _inside(self, member: tarfile.TarInfo, name: str) -> PurePosixPath:
        path = PurePosixPath(name)
        above = {str(parent) for parent in path.parents}
        through = above & self._links or ({str(path)} & self._links and not member.issym())
        if path.is_absolute() or ".." in path.parts or through:
            raise ArchiveError(
                f"{self._name}: `{member.name}` leads outside; nothing of it is unpacked"
            )
        return path


def _wanted(archive: tarfile.TarFile, guard: _Guard) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        guard.checked(member)
        if member.isreg() or member.isdir() or _is_link(member):
            yield member


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive as a stream; leaving the context reads it to its end."""
    try:
        with gzip.open(path) as plain:
            tail = _Tail(cast("BinaryIO", plain))
            with tarfile.open(fileobj=tail, mode="r|") as archive:  # type: ignore[call-overload]
                yield archive
            tail.finish(path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise ArchiveError(f"{path.name} cannot be read to its end: {error}") from error
    except OSError as error:
        raise ArchiveError(f"{path.name}: {error.strerror or error}") from error


def _sha256(archive: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    stream = archive.extractfile(info)
    assert isinstance(stream, io.BufferedReader)  # it is a file
    return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass
class _Tail:
    """Reads on to the end, where the archive's end mark must be."""

    stream: BinaryIO
    last: bytes = field(default=b"")

    def read(self, count: int) -> bytes:
        piece = self.stream.read(count)
        self.last = (self.last + piece)[-_END_BYTES:]
        return piece

    def finish(self, name: str) -> None:
        while self.read(1 << 20):
            pass  # the checksum of gzip stands behind the last byte
        if self.last != bytes(_END_BYTES):
            raise ArchiveError(f"{name} has no end mark: it was cut while it was written")


def _is_link(member: tarfile.TarInfo) -> bool:
    return member.issym() or member.islnk()
