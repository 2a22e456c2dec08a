"""One ``.tar.gz`` of a directory, hashed member by member at the source, and read again.

The format is GNU's: of what goes beyond plain ustar, busybox reads GNU's long names and its
binary numbers, and skips the headers of pax with the names in them. Keep out: how an archive is
read safely (``tools.targz``).

Source: busybox, archival/libarchive/get_header_tar.c.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from alt_backup_assets.dumps.artifact import Writing, writing
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.dumps.tree import described, paths_in
from alt_backup_assets.errors import DumpFailed, VolumeUnreadable
from alt_backup_assets.tools import targz

_ROOT = "."


def write(source: Path, archive: Path) -> tuple[FilesContent, Artifact]:
    """Write an archive of a directory and record every entry of it from the same reading.

    Args:
        source: The directory.
        archive: The file to make.

    Raises:
        DumpFailed: An entry could not be read, or the disk did not take the archive.
        VolumeUnreadable: One cannot be read from here.
    """
    entries: list[FileEntry] = []
    skipped: list[str] = []
    with writing(archive) as out:
        try:
            with _archive(out) as tar:
                tar.addfile(_header(_ROOT, source.stat()))
                for name in paths_in(source):
                    entry = _add(tar, source / name, name)
                    if entry:
                        entries.append(entry)
                    else:
                        skipped.append(name)
        except PermissionError as error:
            raise VolumeUnreadable(f"cannot read {error.filename}: {error.strerror}") from error
        except OSError as error:
            what = error.filename or archive.name
            raise DumpFailed(f"archiving {source}: {error.strerror}: {what}") from error
    return FilesContent(entries=tuple(entries), skipped=tuple(skipped)), out.artifact


def read(archive: Path) -> FilesContent:
    """Read an archive again, member by member.

    Raises:
        ArchiveError: It is cut, damaged, or a member leads outside.
    """
    found = targz.members(archive, hashed=True)
    return FilesContent(entries=tuple(_entry(member) for member in found if member.path != _ROOT))


@contextmanager
def _archive(out: Writing) -> Iterator[tarfile.TarFile]:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=cast("BinaryIO", out)) as packed,
        tarfile.open(
            fileobj=packed,
            mode="w|",
            format=tarfile.GNU_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar,
    ):
        yield tar


def _add(tar: tarfile.TarFile, path: Path, name: str) -> FileEntry | None:
    """Add one entry; None for what holds no data, or went away before it was read."""
    try:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as stream:
                return _add_file(tar, name, stream)
        target = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode) and not target:
        return None
    header = _header(name, status, target=target)
    tar.addfile(header)
    return described(name, "link" if target else "directory", status, content=target)


def _add_file(tar: tarfile.TarFile, name: str, stream: BinaryIO) -> FileEntry:
    before = os.fstat(stream.fileno())
    reading = _Exactly(stream, before.st_size)
    tar.addfile(_header(name, before), cast("BinaryIO", reading))
    after = os.fstat(stream.fileno())
    still = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return described(
        name,
        "file",
        before,
        size_bytes=before.st_size,
        content=reading.digest.hexdigest(),
        changed=not still or reading.was_short,
    )


@dataclass
class _Exactly:
    """As many bytes as a file's header says, whatever becomes of the file meanwhile."""

    stream: BinaryIO
    left: int
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    was_short: bool = False

    def read(self, count: int) -> bytes:
        wanted = min(count, self.left)
        piece = self.stream.read(wanted)
        if len(piece) < wanted:
            self.was_short = True
            piece = piece.ljust(wanted, b"\0")
        self.left -= len(piece)
        self.digest.update(piece)
        return piece


def _header(name: str, status: os.stat_result, *, target: str = "") -> tarfile.TarInfo:
    # busybox, asked for a whole directory, begins every name like this.
    made = tarfile.TarInfo(name if name == _ROOT else f"./{name}")
    made.mode, made.uid, made.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    made.mtime = int(status.st_mtime)
    if target:
        made.type, made.linkname = tarfile.SYMTYPE, target
    elif stat.S_ISDIR(status.st_mode):
        made.type = tarfile.DIRTYPE
    else:
        made.size = status.st_size
    return made


def _entry(member: targz.Member) -> FileEntry:
    info = member.info
    return FileEntry(
        path=member.path,
        kind="link" if info.issym() else "directory" if info.isdir() else "file",
        size_bytes=info.size if info.isreg() else 0,
        mode=0 if info.issym() else info.mode,
        owner=f"{info.uid}:{info.gid}",
        content=info.linkname if info.issym() else member.sha256,
    )
