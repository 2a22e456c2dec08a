"""What the data looks like: prose, readings, and bytes nothing can compress.

Made inside the server, and the same every time. Rows, not bytes, are counted: how large they
become is the server's business. Keep out: how much there is (``sizes``).
"""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.sizes import Database, Files

# Rows per MB of a database. A row takes 683, 92 and 1,198 bytes on PostgreSQL 17, indexes
# included (measured): a bit more than half is prose, a sixth readings, a quarter blobs.
_ARTICLES, _READINGS, _BLOBS = 850, 1800, 210
_BASE = """
CREATE TABLE sentences AS
SELECT id AS number, initcap(string_agg(word, ' ' ORDER BY n)) || '.' AS text
FROM (SELECT id, n, left(md5('w' || (hashint8(id * 64 + n) & 1023)), 3 + (n & 7)::int) AS word
      FROM generate_series(1, 8000) id, generate_series(1, 16) n) words
GROUP BY id;
CREATE TABLE articles (
  id bigint PRIMARY KEY, feed integer NOT NULL, published timestamptz NOT NULL,
  url text NOT NULL, body text NOT NULL, read boolean NOT NULL DEFAULT false);
CREATE TABLE readings (
  id bigint PRIMARY KEY, at timestamptz NOT NULL, sensor integer NOT NULL,
  value double precision NOT NULL, price numeric(14, 4) NOT NULL);
CREATE TABLE blobs (id bigint PRIMARY KEY, content bytea NOT NULL);
ALTER TABLE blobs ALTER content SET STORAGE EXTERNAL;
"""
_ROWS = """
INSERT INTO articles
SELECT id, hashint8(id) & 255, timestamptz '2026-01-01 00:00Z' + id * interval '37 s',
       'https://feeds.example/' || (hashint8(id) & 255) || '/' || md5(id::text),
       concat_ws(' ', a.text, b.text, c.text, d.text), id % 3 = 0
FROM generate_series({articles[0]}, {articles[1]}) id
JOIN sentences a ON a.number = 1 + (hashint8(id * 4) & 4095)
JOIN sentences b ON b.number = 1 + (hashint8(id * 4 + 1) & 4095)
JOIN sentences c ON c.number = 4001 + (hashint8(id * 4 + 2) & 2047)
JOIN sentences d ON d.number = 4001 + (hashint8(id * 4 + 3) & 2047);
INSERT INTO readings
SELECT id, timestamptz '2026-01-01 00:00Z' + id * interval '5 s', hashint8(id) & 63,
       sin(id / 900.0) * 40 + (hashint8(id) & 1023) / 512.0, (hashint8(id) & 1048575) / 100.0
FROM generate_series({readings[0]}, {readings[1]}) id;
INSERT INTO blobs
SELECT id, (SELECT string_agg(sha512(convert_to(id || '/' || n, 'UTF8')), '')
            FROM generate_series(1, 16) n)
FROM generate_series({blobs[0]}, {blobs[1]}) id;
"""
_FINISH = """
CREATE INDEX IF NOT EXISTS articles_published ON articles (published);
VACUUM (ANALYZE);
"""
_CHANGED = """
UPDATE articles SET read = NOT read WHERE hashint8(id) % 10 = 0;
UPDATE readings SET price = price + 1 WHERE hashint8(id) % 10 = 0;
UPDATE blobs SET content = content || '' WHERE hashint8(id) % 10 = 0;
VACUUM (ANALYZE);
"""
_SCATTERED = """
UPDATE articles SET read = NOT read, body = body || ' Seen.' WHERE hashint8(id) % 100 = {day};
UPDATE readings SET price = price + 1 WHERE hashint8(id) % 100 = {day};
"""

COUNTS = Path(__file__).parent / "sequences" / "counts.sql"
"""Counts the rows of every table, a line ``table|rows`` each."""

_FILE_BYTES = 4_000_000
_LINES = 4096


def database_script(database: Database) -> str:
    """Return the SQL that fills an empty database."""
    return _BASE + _rows(database, 0.0, 1.0) + _FINISH


def changed_script() -> str:
    """Return the SQL after which a tenth of the rows has moved, and new ones find their room.

    A database in which nothing was ever changed or deleted has none: there a day's rows are all
    at the end of each table.
    """
    return _CHANGED


def appended_script(database: Database, day: int) -> str:
    """Return the SQL that appends a hundredth of the rows, as a day does."""
    return _rows(database, 1 + (day - 1) / 100, 1 + day / 100)


def scattered_script(day: int) -> str:
    """Return the SQL that changes a hundredth of the rows, all over the tables."""
    return _SCATTERED.format(day=day)


def _rows(database: Database, start: float, end: float) -> str:
    ranges = {
        name: (int(each * database.megabytes * start) + 1, int(each * database.megabytes * end))
        for name, each in (("articles", _ARTICLES), ("readings", _READINGS), ("blobs", _BLOBS))
    }
    return _ROWS.format(**ranges)


def write_files(files: Files, directory: Path) -> int:
    """Fill a volume of files, the same every time.

    Returns:
        How many files there are.
    """
    directory.mkdir(parents=True)
    chance = random.Random(files.volume)  # noqa: S311 -- the same every time is what is wanted
    lines = [_line(chance) for _ in range(_LINES)]
    left, count = int(files.megabytes * 1e6), 0
    while left > 0:
        long = min(left, _FILE_BYTES)
        (directory / f"{count:05}").write_bytes(_content(files, chance, lines, long))
        left, count = left - long, count + 1
    return count


def write_small_files(directory: Path, number: int) -> None:
    """Fill one of many small volumes."""
    directory.mkdir(parents=True)
    chance = random.Random(number)  # noqa: S311
    for name in ("state.json", "token", "notes"):
        (directory / name).write_bytes(chance.randbytes(4096))


def _content(files: Files, chance: random.Random, lines: list[bytes], long: int) -> bytes:
    if files.kind == "random":
        return chance.randbytes(long)
    return b"".join(chance.choices(lines, k=long // 100 + 1))[:long]


def _line(chance: random.Random) -> bytes:
    words = " ".join(f"{chance.getrandbits(20):x}" for _ in range(12))
    return f"2026-01-01T00:{chance.randrange(60):02}:00Z level=info msg={words}\n".encode()
