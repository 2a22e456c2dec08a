"""Grafana's SQLite database: copied while Grafana writes, and what is in it.

The copy and the content come from one read transaction. A value of the database becomes part of a
hash, and is never shown.

Source: SQLite documentation, "SQLite Backup API", "Write-Ahead Logging" (read-only databases),
"URI Filenames".
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import DumpFailed

NAME = "grafana.db"
BESIDE = frozenset({NAME, f"{NAME}-wal", f"{NAME}-shm", f"{NAME}-journal"})
"""The database, and files of SQLite that a copy of it has no use for."""

_MAGIC = b"SQLite format 3\0"
_DASHBOARDS = "dashboard"
_HASH_MODULUS = 1 << 256
_LAST_GOOD = "the last good dump stays"


def require_database(path: Path) -> None:
    """Refuse what cannot be a database of Grafana.

    Raises:
        DumpFailed: It is not there, empty, or no SQLite file; the message says what to look at.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
    except FileNotFoundError:
        raise DumpFailed(
            f"there is no {path}: is this the volume of Grafana's data directory? Where Grafana"
            " keeps its data in another database, back that up, and use the engine `files` here"
        ) from None
    except OSError as error:
        raise DumpFailed(f"{path} cannot be read: {error.strerror}") from None
    if head != _MAGIC:
        what = "no SQLite database" if head else "empty (0 bytes)"
        raise DumpFailed(
            f"{path} is {what}: look at the disk space of its volume and restore it; {_LAST_GOOD}"
        )


def copy(path: Path, target: Path, *, timeout_seconds: float) -> tuple[Item, ...]:
    """Copy a database that Grafana may write to, with the owner, mode and time it has.

    Args:
        path: The live database; nothing is written to it.
        target: The file to make.
        timeout_seconds: How long a writer is waited for.

    Returns:
        What is in it.

    Raises:
        DumpFailed: It cannot be read now, is damaged, or has no dashboards.
    """
    require_database(path)
    status = path.stat()
    with _reading(path), closing(_opened(path, "mode=ro", timeout_seconds)) as live:
        live.execute("BEGIN")
        items = _items(live)
        with closing(sqlite3.connect(target)) as made:
            # In one step: within the transaction no other writer can make it start again.
            live.backup(made, pages=-1)
    if os.geteuid() == 0:
        os.chown(target, status.st_uid, status.st_gid)
    target.chmod(status.st_mode & 0o7777)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    require_whole(target)
    if not any(item.name == f"table {_DASHBOARDS}" for item in items):
        raise DumpFailed(
            f"{path} has no table {_DASHBOARDS}: it is not Grafana's, or Grafana never started on"
            f" it; {_LAST_GOOD}"
        )
    return items


def take(path: Path) -> tuple[Item, ...]:
    """Return what is in a copy that nobody writes to; nothing is made beside it.

    Raises:
        DumpFailed: It cannot be read.
    """
    with _reading(path), closing(_opened(path, "immutable=1")) as copied:
        return _items(copied)


def require_whole(path: Path) -> None:
    """Let SQLite look at every page of a copy that nobody writes to.

    Raises:
        DumpFailed: Something in it is damaged; what, in SQLite's words.
    """
    with _reading(path), closing(_opened(path, "immutable=1")) as copied:
        said = [str(row[0]) for row in copied.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise DumpFailed(
            f"{path.name} is damaged, says SQLite's integrity_check: {'; '.join(said)}:"
            f" repair or restore it; {_LAST_GOOD}"
        )


def artifact(path: Path, name: str) -> Artifact:
    """Return a copy as an artifact of the dump, under its path in it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Artifact(path=name, size_bytes=path.stat().st_size, sha256=digest)


def _opened(path: Path, how: str, timeout_seconds: float = 0.0) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?{how}"
    found = sqlite3.connect(uri, uri=True, timeout=timeout_seconds, isolation_level=None)
    found.text_factory = _text
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DumpFailed(f"{path.name} cannot be read: {error}{_advice(str(error))}") from None


def _advice(said: str) -> str:
    if "locked" in said:
        return ": something holds it for writing all the time; look at Grafana's log and run again"
    if "unable to open" in said or "readonly" in said:
        return (
            ": SQLite must repair it first, or cannot read its write-ahead log from here; start"
            " Grafana, as that does both, or let this user write to the volume, and run again"
        )
    return f": repair it with sqlite3 or restore it; {_LAST_GOOD}"


def _items(database: sqlite3.Connection) -> tuple[Item, ...]:
    made = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    items = [_item("schema", made)]
    for kind, name, _, definition in made:
        # What a virtual table has is in tables of its own.
        if kind == "table" and not str(definition).upper().startswith("CREATE VIRTUAL"):
            quoted = str(name).replace('"', '""')
            rows = database.execute(f'SELECT * FROM "{quoted}"')  # quoted above
            items.append(_item(f"table {name}", rows))
    if any(item.name == f"table {_DASHBOARDS}" for item in items):
        items.append(Item(name="dashboards", count=_dashboards(database)))
    return tuple(sorted(items, key=lambda item: item.name))


def _dashboards(database: sqlite3.Connection) -> int:
    """Return how many there are; folders are kept in the same table."""
    columns = {row[1] for row in database.execute(f"PRAGMA table_info({_DASHBOARDS})")}
    only = " WHERE is_folder = 0" if "is_folder" in columns else ""
    (row,) = database.execute(f"SELECT count(*) FROM {_DASHBOARDS}{only}")
    return int(row[0])


def _item(name: str, rows: Iterator[object] | list[object] | sqlite3.Cursor) -> Item:
    """Hash rows in whatever order they come: a sum, which sees a row that is there twice."""
    count = total = 0
    for row in rows:
        digest = hashlib.sha256(repr(row).encode()).digest()
        total = (total + int.from_bytes(digest)) % _HASH_MODULUS
        count += 1
    return Item(name=name, count=count, content=f"{total:064x}")
