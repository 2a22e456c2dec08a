"""The ``.tar.gz`` of a whole volume, as busybox's tar wrote it: walked to its end, and unpacked.

Nothing in it can lead outside the directory it is unpacked into. A symbolic link's target is
only text, and comes back as it was; nothing is ever written through a link. Keep out: what a
backup's manifest says.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from alt_backup_assets.errors import NotEnoughSpace, OldBackupError

_END_BYTES = 1024
_SEGMENT_DIGITS = 24


@dataclass(frozen=True)
class TarContent:
    """What is in an archive.

    Attributes:
        entries: Number of its members.
        files_bytes: Size of all its files, unpacked.
        clusters: PostgreSQL data directories in it, each with what keeps a server from starting
            on it; None where nothing does.
    """

    entries: int
    files_bytes: int
    clusters: dict[str, str | None]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why what is in it cannot be used, in sentences."""
        return tuple(problem for problem in self.clusters.values() if problem)


def walk(path: Path) -> TarContent:
    """Read an archive from its first byte to its last.

    Raises:
        OldBackupError: It is cut, damaged, has no end mark, or a member leads outside.
    """
    paths: set[str] = set()
    guard = _Guard(path.name)
    files_bytes = 0
    with _members(path) as members:
        for member in members:
            paths.add(guard.checked(member))
            files_bytes += member.size if member.isreg() else 0
    if not paths - {"."}:
        raise OldBackupError(f"{path.name} holds nothing at all")
    return TarContent(len(paths), files_bytes, _clusters(paths))


def unpack(path: Path, directory: Path) -> None:
    """Unpack an archive into an empty directory: modes as they were, owners too for root.

    Devices and pipes hold no data and are left out.

    Args:
        path: The archive.
        directory: Must be there; takes the mode and the owner of the archive's root.

    Raises:
        OldBackupError: It cannot be read to its end, a member leads outside, or the disk did
            not take it. What was unpacked until then is still there.
        NotEnoughSpace: There is too little room; nothing was written.
    """
    needed = walk(path).files_bytes
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise NotEnoughSpace(f"{path.name} needs {needed} bytes in {directory}; {free} are free")
    guard = _Guard(path.name)

    def wanted(member: tarfile.TarInfo, _directory: str) -> tarfile.TarInfo | None:
        guard.checked(member)
        return member if member.isreg() or member.isdir() or _is_link(member) else None

    with _members(path) as members:
        members.errorlevel = 2  # an owner or a mode that cannot be set is an error too
        members.extractall(directory, numeric_owner=True, filter=wanted)  # noqa: S202 (guarded)


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
            raise OldBackupError(
                f"{self._name}: `{member.name}` leads outside; nothing of it is unpacked"
            )
        return path


@contextmanager
def _members(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive as a stream; leaving the context reads it to its end."""
    try:
        with gzip.open(path) as plain:
            tail = _Tail(cast("BinaryIO", plain))
            with tarfile.open(fileobj=tail, mode="r|") as archive:  # type: ignore[call-overload]
                yield archive
            tail.finish(path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise OldBackupError(f"{path.name} cannot be read to its end: {error}") from error
    except OSError as error:
        raise OldBackupError(f"{path.name}: {error.strerror or error}") from error


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
            raise OldBackupError(f"{name} has no end mark: it was cut while it was written")


def _is_link(member: tarfile.TarInfo) -> bool:
    return member.issym() or member.islnk()


def _clusters(paths: set[str]) -> dict[str, str | None]:
    """Return the PostgreSQL data directories among paths.

    Source: https://www.postgresql.org/docs/17/storage-file-layout.html
    """
    versions = (pure for pure in map(PurePosixPath, sorted(paths)) if pure.name == "PG_VERSION")
    roots = (pure.parent for pure in versions)
    return {
        str(root): _not_starting(root, paths)
        for root in roots
        if {str(root / "base"), str(root / "global")} & paths
    }


def _not_starting(root: PurePosixPath, paths: set[str]) -> str | None:
    where = f"the PostgreSQL data in `{root}`" if root.name else "the PostgreSQL data"
    if str(root / "global" / "pg_control") not in paths:
        return f"{where} will not start (no global/pg_control)"
    wal = root / "pg_wal"
    segments = (p for p in map(PurePosixPath, paths) if p.parent == wal)
    if not any(len(p.name) == _SEGMENT_DIGITS for p in segments):
        return f"{where} will not start (no pg_wal): restore an older or newer backup of it"
    return None
