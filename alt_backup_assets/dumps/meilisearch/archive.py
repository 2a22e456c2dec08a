"""Meilisearch's snapshot file: a gzipped tar of the files of its database.

In it are ``VERSION``, ``tasks/`` with the queue, ``update_files/`` with what waiting tasks will
add, a directory under ``indexes/`` per index, and ``auth/`` with the keys: unpacked, they are
the database directory, which is just what ``--import-snapshot`` makes of it.

Source: meilisearch/meilisearch, ``index-scheduler``, ``process_snapshot_creation``; Meilisearch
documentation, "Snapshots".
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.errors import DumpFailed, NotEnoughSpace

_PIECE_BYTES = 1 << 20
_VERSION = "VERSION"
_NEEDED = (_VERSION, "tasks/data.mdb", "auth/data.mdb")


@dataclass(frozen=True)
class Archive:
    """A snapshot file that was read from its first byte to its last.

    Attributes:
        version: The version of Meilisearch that wrote it, and that alone can read it.
        files: The files of the database, with size and hash.
    """

    version: str
    files: tuple[Item, ...]


def read(snapshot: Path) -> Archive:
    """Read a snapshot file, all of it.

    Raises:
        DumpFailed: It is cut or damaged, or is no snapshot of Meilisearch.
    """
    files: list[Item] = []
    version = b""
    for name, size_bytes, pieces in _members(snapshot):
        if size_bytes is None:
            continue
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            version += piece[:64] if name == _VERSION else b""
        files.append(Item(name=name, count=size_bytes, content=digest.hexdigest()))
    sizes = {item.name: item.count for item in files}
    for name in _NEEDED:
        if not sizes.get(name):
            raise DumpFailed(f"{snapshot.name} is no snapshot of Meilisearch: it has no {name}")
    return Archive(
        version=version.decode("ascii", "replace").strip(),
        files=tuple(sorted(files, key=lambda item: item.name)),
    )


def unpack(snapshot: Path, database: Path) -> None:
    """Unpack a snapshot file into a directory that is not there, as the owner of the file.

    Raises:
        DumpFailed: It is cut or damaged, or something in it leads outside.
        NotEnoughSpace: There is too little room; nothing was written.
    """
    needed = sum(item.count for item in read(snapshot).files)
    free = shutil.disk_usage(snapshot.parent).free
    if needed > free:
        raise NotEnoughSpace(f"{snapshot.name} unpacks to {needed} bytes; {free} are free")
    try:
        for name, size_bytes, pieces in _members(snapshot):
            path = database / name
            made = path if size_bytes is None else path.parent
            made.mkdir(parents=True, exist_ok=True)
            if size_bytes is not None:
                with path.open("xb") as out:
                    out.writelines(pieces)
    except OSError as error:
        raise DumpFailed(f"cannot unpack {snapshot.name}: {error.strerror}") from error


def _members(snapshot: Path) -> Iterator[tuple[str, int | None, Iterator[bytes]]]:
    """Yield name, size and pieces of every file, to be taken in turn; a directory has no size."""
    with _opened(snapshot) as members:
        for member in members:
            name = posixpath.normpath(member.name)
            if name.startswith(("/", "..")) or not (member.isreg() or member.isdir()):
                raise DumpFailed(f"{snapshot.name} is no snapshot of Meilisearch: `{member.name}`")
            if member.isdir():
                yield name, None, iter(())
            else:
                yield name, member.size, _pieces(members, member)


@contextmanager
def _opened(snapshot: Path) -> Iterator[tarfile.TarFile]:
    """Open a snapshot as a stream; leaving the context reads it to its end."""
    try:
        with gzip.open(snapshot) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as members:
                yield members
            while stream.read(_PIECE_BYTES):
                pass  # the checksum of gzip stands behind the last byte
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise DumpFailed(f"{snapshot.name} is not a whole snapshot: {error}") from None
    except OSError as error:
        raise DumpFailed(f"{snapshot.name}: {error.strerror or error}") from error


def _pieces(members: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = members.extractfile(member)
    assert stream is not None
    while piece := stream.read(_PIECE_BYTES):
        yield piece
