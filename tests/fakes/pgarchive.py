"""Minimal archives as ``pg_dump --format=custom`` writes them, made by hand.

Only the frame is real; the data in it is none. Source: src/bin/pg_dump/pg_backup_archiver.c and
pg_backup_custom.c of PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BLOCK_DATA, BLOCK_LARGE_OBJECTS = b"\x01", b"\x03"


@dataclass(frozen=True)
class Builder:
    """Writes a minimal archive, field by field.

    Attributes:
        version: Of the format; 1.14 to 1.16 are pg_dump 14 to 18.
        int_bytes: Size of a number, without its sign.
        offset_bytes: Size of a position in the file.
    """

    version: tuple[int, int] = (1, 16)
    int_bytes: int = 4
    offset_bytes: int = 8

    def number(self, value: int) -> bytes:
        """Return a number as the archive has it: a sign, then its bytes."""
        sign = b"\x01" if value < 0 else b"\x00"
        return sign + abs(value).to_bytes(self.int_bytes, "little")

    def text(self, value: str | None) -> bytes:
        """Return a text with its length; -1 for none at all."""
        return self.number(-1) if value is None else self.number(len(value)) + value.encode()

    def header(self, entries: int) -> bytes:
        """Return everything before the table of contents, and how long that is."""
        compression = b"\x01" if self.version >= (1, 15) else self.number(6)
        return (
            b"PGDMP"
            + bytes([*self.version, 0, self.int_bytes, self.offset_bytes, 1])
            + compression
            + b"".join(self.number(number) for number in (0, 0, 12, 23, 10, 126, 0))
            + b"".join(self.text(text) for text in ("alt", "17.6", "17.6"))
            + self.number(entries)
        )

    def entry(self, dump_id: int, *, has_data: bool, dependencies: Iterable[str] = ()) -> bytes:
        """Return an entry of the table of contents."""
        return (
            self.number(dump_id)
            + self.number(has_data)
            + b"".join(self.text(text) for text in ("1259", "16384", "users", "TABLE DATA"))
            + self.number(3)
            + b"".join(self.text(t) for t in (None, "", "COPY users", "public", "", None))
            + (self.number(ord("r")) if self.version >= (1, 16) else b"")
            + b"".join(self.text(text) for text in ("alt_db_user", "false", *dependencies, None))
            + b"\x01"
            + bytes(self.offset_bytes)
        )

    def chunks(self, *chunks: bytes) -> bytes:
        """Return data in pieces, and its end."""
        return b"".join(self.number(len(chunk)) + chunk for chunk in chunks) + self.number(0)

    def data(self, dump_id: int, *chunks: bytes) -> bytes:
        """Return the block of a table."""
        return BLOCK_DATA + self.number(dump_id) + self.chunks(*chunks)

    def large_objects(self, dump_id: int, *oids: int) -> bytes:
        """Return the block of large objects."""
        objects = b"".join(self.number(oid) + self.chunks(b"a large object") for oid in oids)
        return BLOCK_LARGE_OBJECTS + self.number(dump_id) + objects + self.number(0)

    def archive(self) -> bytes:
        """Return a whole one: a table definition, two tables with data, large objects."""
        contents = (
            self.entry(1, has_data=False),
            self.entry(2, has_data=True, dependencies=("1",)),
            self.entry(3, has_data=True, dependencies=("1", "2")),
            self.entry(4, has_data=True),
        )
        blocks = (
            self.data(2, b"compressed rows", b"and more"),
            self.data(3),
            self.large_objects(4, 16401, 16402),
        )
        return self.header(len(contents)) + b"".join((*contents, *blocks))
