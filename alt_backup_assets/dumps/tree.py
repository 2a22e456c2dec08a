"""Directory trees: copied while every byte is hashed at the source, and read again.

The hash is taken of the very bytes that are copied, so it says what was in the volume and not
what some later read found. A file that changes meanwhile is marked; a directory is recorded as it
was when it was visited, and what its application deletes meanwhile is no failure.

Every engine whose volume is put back as files writes the tree that the volume must hold under
``TREE`` in its dump.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import DumpFailed, VolumeUnreadable

TREE = "files"
_CHUNK_BYTES = 1 << 20


def copy_tree(
    source: Path, copy: Path, *, wanted: Callable[[str], bool] = lambda _path: True
) -> FilesContent:
    """Copy a tree and record every entry of it from the same reading.

    Args:
        source: The directory.
        copy: Made, with everything in it: owners, modes and times included where we are root.
        wanted: Tells by its path relative to ``source`` whether an entry is copied; a directory
            that is not takes everything in it along.

    Raises:
        DumpFailed: An entry could not be copied.
        VolumeUnreadable: One cannot be read from here.
    """
    return _walk(source, copy, wanted)


def read_tree(source: Path) -> FilesContent:
    """Read a tree again, entry by entry.

    Raises:
        DumpFailed: An entry could not be read.
        VolumeUnreadable: It cannot be read from here.
    """
    return _walk(source, None, lambda _path: True)


def artifacts(content: FilesContent) -> tuple[Artifact, ...]:
    """Return the files of a tree under ``TREE`` as artifacts of a dump, with their hashes."""
    return tuple(
        Artifact(path=f"{TREE}/{entry.path}", size_bytes=entry.size_bytes, sha256=entry.content)
        for entry in content.entries
        if entry.kind == "file"
    )


def _walk(source: Path, copy: Path | None, wanted: Callable[[str], bool]) -> FilesContent:
    if copy:
        copy.mkdir(mode=0o700)
    entries: list[FileEntry] = []
    skipped: list[str] = []
    directories: dict[str, os.stat_result] = {}
    try:
        directories["."] = source.stat()
        for name in paths_in(source, wanted=wanted):
            entry = _entry(source / name, name, copy / name if copy else None, directories)
            if entry:
                entries.append(entry)
            else:
                skipped.append(name)
        if copy:
            _finish_directories(copy, directories)
    except PermissionError as error:
        raise VolumeUnreadable(f"cannot read {error.filename}: {error.strerror}") from error
    except OSError as error:
        raise DumpFailed(f"copying {source}: {error.strerror}: {error.filename}") from error
    return FilesContent(entries=tuple(entries), skipped=tuple(skipped))


def paths_in(
    root: Path, inside: str = "", wanted: Callable[[str], bool] = lambda _path: True
) -> Iterator[str]:
    """Yield the path of every entry below a directory, relative to the root, in their order.

    Args:
        root: The root.
        inside: The directory, relative to it; one that went away is empty.
        wanted: As for ``copy_tree``.

    Raises:
        FileNotFoundError: The root is not there, or went away meanwhile.
    """
    try:
        paths = sorted((root / inside).iterdir())
    except FileNotFoundError:
        paths = []
    for path in paths:
        name = str(path.relative_to(root))
        if wanted(name):
            yield name
            if path.is_dir() and not path.is_symlink():
                yield from paths_in(root, name, wanted)
    if not inside:
        root.stat()  # half a volume, or none, is no volume


def _entry(
    path: Path, name: str, copy: Path | None, directories: dict[str, os.stat_result]
) -> FileEntry | None:
    """Record one entry; None for what holds no data, or went away before it was read.

    What the file system says of a directory is kept in ``directories``.
    """
    try:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            return _file(path, name, copy)
        target = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        if copy:
            copy.mkdir(mode=0o700)
        directories[name] = status
        return described(name, "directory", status)
    if stat.S_ISLNK(status.st_mode):
        if copy:
            copy.symlink_to(target)
            _give_owner(copy, status)
        return described(name, "link", status, content=target)
    return None


def _file(path: Path, name: str, copy: Path | None) -> FileEntry:
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb") as stream, ExitStack() as opened:
        before = os.fstat(stream.fileno())
        out = opened.enter_context(copy.open("xb")) if copy else None
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
            if out:
                out.write(chunk)
        after = os.fstat(stream.fileno())
        if copy and out:
            _give_owner(copy, before)
            copy.chmod(stat.S_IMODE(before.st_mode))
            out.flush()
            os.fsync(out.fileno())
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    still = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return described(
        name,
        "file",
        before,
        size_bytes=size_bytes,
        content=digest.hexdigest(),
        changed=not still or size_bytes != before.st_size,
    )


def _finish_directories(copy: Path, directories: dict[str, os.stat_result]) -> None:
    # Last and from the inside out: writing into a directory would change its times, and one
    # that may not be written to could not be filled.
    for name, status in reversed(directories.items()):
        _give_owner(copy / name, status)
        (copy / name).chmod(stat.S_IMODE(status.st_mode))
        os.utime(copy / name, ns=(status.st_atime_ns, status.st_mtime_ns))


def _give_owner(path: Path, status: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)


def described(
    name: str,
    kind: Literal["file", "directory", "link"],
    status: os.stat_result,
    *,
    size_bytes: int = 0,
    content: str = "",
    changed: bool = False,
) -> FileEntry:
    """Return the record of one entry, with what the file system says of it."""
    return FileEntry(
        path=name,
        kind=kind,
        size_bytes=size_bytes,
        mode=0 if kind == "link" else stat.S_IMODE(status.st_mode),
        owner=f"{status.st_uid}:{status.st_gid}",
        content=content,
        changed=changed,
    )
