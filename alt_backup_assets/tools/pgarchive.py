"""Reads the frame of a pg_dump custom-format archive, to tell a whole one from a cut one.

``pg_restore --list`` accepts an archive that ends in the middle of its data, and a pipe can be
cut while the command behind it still exits 0. Walking the blocks needs no server, decompresses
nothing and reads only lengths.

Source: src/bin/pg_dump/pg_backup_archiver.c (ReadHead, ReadToc) and pg_backup_custom.c
(_PrintTocData, _skipData) of PostgreSQL 14 to 18; archive versions 1.14 to 1.16.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from alt_backup_assets.errors import DumpFailed

_OLDEST = (1, 14)
_NEWEST = (1, 16)
_BLOCK_DATA = 1
_BLOCK_LARGE_OBJECTS = 3


def require_whole(path: Path) -> int:
    """Walk an archive from its first byte to its last.

    Args:
        path: A file written by ``pg_dump --format=custom``.

    Returns:
        The number of data blocks: one per table with data, one for the large objects.

    Raises:
        DumpFailed: It is no such archive, ends too early, or has fewer or more blocks of data
            than its table of contents says.
    """
    with path.open("rb") as stream:
        reader = _Reader(stream, path.name, path.stat().st_size)
        expected = reader.contents()
        found = 0
        while reader.skip_block():
            found += 1
    if found != expected:
        raise DumpFailed(f"{path.name} holds data of {found} tables, its contents list {expected}")
    return found


class _Reader:
    def __init__(self, stream: BinaryIO, name: str, size: int) -> None:
        self._stream = stream
        self._name = name
        self._size = size
        self._int_bytes = 4
        self._offset_bytes = 8
        self._version = (0, 0)

    def contents(self) -> int:
        """Read header and table of contents; return how many entries have data."""
        if self._size == 0:
            raise DumpFailed(f"{self._name} is empty")
        if self._bytes(5) != b"PGDMP":
            raise DumpFailed(f"{self._name} is not a pg_dump archive in custom format")
        major, minor, _revision, self._int_bytes, self._offset_bytes, _format = self._bytes(6)
        self._version = (major, minor)
        if not _OLDEST <= self._version <= _NEWEST:
            raise DumpFailed(f"{self._name} has archive version {major}.{minor}, which is unknown")
        if self._version >= (1, 15):
            self._bytes(1)  # compression algorithm
        else:
            self._int()  # compression level
        for _ in range(7):
            self._int()  # creation time
        for _ in range(3):
            self._text()  # database, server version, pg_dump version
        return sum(self._entry() for _ in range(self._int()))

    def _entry(self) -> bool:
        self._int()  # dump id
        has_data = self._int() != 0
        for _ in range(4):
            self._text()  # table oid, oid, tag, description
        self._int()  # section
        for _ in range(6):
            self._text()  # definition, drop, copy, namespace, tablespace, access method
        if self._version >= (1, 16):
            self._int()  # relkind
        self._text()  # owner
        self._text()  # "with oids"
        while self._text() is not None:
            pass  # dependencies, up to the missing one
        self._bytes(1 + self._offset_bytes)  # where its data is: unset when written to a pipe
        return has_data

    def skip_block(self) -> bool:
        kind = self._stream.read(1)
        if not kind:
            return False
        self._int()  # dump id
        if kind[0] == _BLOCK_DATA:
            self._skip_data()
        elif kind[0] == _BLOCK_LARGE_OBJECTS:
            while self._int():  # the large object's oid
                self._skip_data()
        else:
            raise DumpFailed(f"{self._name} has an unknown block type {kind[0]}: it is damaged")
        return True

    def _skip_data(self) -> None:
        while length := self._int():
            if length < 0 or self._stream.tell() + length > self._size:
                raise self._cut()
            self._stream.seek(length, os.SEEK_CUR)

    def _int(self) -> int:
        sign, *rest = self._bytes(1 + self._int_bytes)
        value = int.from_bytes(bytes(rest), "little")
        return -value if sign else value

    def _text(self) -> str | None:
        length = self._int()
        return None if length < 0 else self._bytes(length).decode(errors="replace")

    def _bytes(self, count: int) -> bytes:
        if count > self._size - self._stream.tell():  # a damaged length can be of any size
            raise self._cut()
        return self._stream.read(count)

    def _cut(self) -> DumpFailed:
        return DumpFailed(f"{self._name} is cut short: it ends in the middle at {self._size} bytes")
