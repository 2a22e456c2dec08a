"""The files of Redis: its RDB file copied out of the volume, and the tree a volume starts from.

Keep out: the running server.

Source: Redis documentation, "Redis persistence" (the append-only directory and its manifest).
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.files.content import FileEntry
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.dumps.redis.content import major
from alt_backup_assets.dumps.tree import TREE, artifacts, copy_tree
from alt_backup_assets.errors import DumpFailed

_MAGIC = b"REDIS"
_END = b"\xff"
_CHECKSUM_BYTES = 8
_CLOCK_SECONDS = 2.0
_APPEND_DIRECTORY_FROM = 7


def copy_rdb(
    source: Path, directory: Path, settings: dict[str, str], *, not_before: float
) -> tuple[Artifact, ...]:
    """Copy the file Redis saved into.

    Args:
        source: The volume.
        directory: The dump's.
        settings: Redis's, with ``dir`` and ``dbfilename``.
        not_before: The Unix time when the save began.

    Raises:
        DumpFailed: It is not there, is older, changed while it was read, or is not whole.
        VolumeUnreadable: It cannot be read from here.
    """
    name, written = settings["dbfilename"], f"Redis writes to {settings['dir']} in its service"
    content = copy_tree(source, directory / TREE, wanted=lambda path: path == name)
    files = [entry for entry in content.entries if entry.kind == "file"]
    if not files:
        raise DumpFailed(
            f"{source} holds no {name}, though it was saved: {written}; is this its volume?"
        )
    copy = directory / TREE / name
    modified = copy.stat().st_mtime
    if modified < not_before - _CLOCK_SECONDS:
        when = datetime.fromtimestamp(modified, UTC).isoformat(timespec="seconds")
        raise DumpFailed(
            f"{source / name} is of {when}, older than the save just made: {written};"
            " is this its volume?"
        )
    _require_whole(files[0], copy)
    return artifacts(content)


def recorded(record: DumpRecord) -> Inventory:
    """Return the content of a record.

    Raises:
        DumpFailed: It is not of a Redis dump.
    """
    content = record.content
    if not isinstance(content, Inventory) or "dbfilename" not in content.settings:
        raise DumpFailed(f"the record of {record.volume} is not of a Redis dump")
    return content


def lay_out(record: DumpRecord, directory: Path) -> Path:
    """Return the tree the volume must hold.

    A server that writes an append-only file reads only that, and starts empty without one; so
    it gets one that begins, as its own do, with an RDB file.

    Raises:
        DumpFailed: The record is not of a Redis dump.
    """
    tree = directory / TREE
    settings = recorded(record).settings
    if settings["appendonly"] != "yes":
        return tree
    rdb, name = tree / settings["dbfilename"], settings["appendfilename"]
    if major(record.server_version) < _APPEND_DIRECTORY_FROM:
        _write(tree / name, rdb)
        return tree
    appended = tree / settings["appenddirname"]
    appended.mkdir(exist_ok=True)
    _give(appended, tree)
    base = f"{name}.1.base.rdb"
    _write(appended / base, rdb)
    _write(appended / f"{name}.manifest", rdb, f"file {base} seq 1 type b\n".encode())
    return tree


def _require_whole(entry: FileEntry, copy: Path) -> None:
    if entry.changed:
        raise DumpFailed(f"{copy.name} changed while it was read: run again")
    with copy.open("rb") as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(entry.size_bytes - _CHECKSUM_BYTES - len(_END), 0))
        end = stream.read(len(_END))
    if (head, end) != (_MAGIC, _END):
        raise DumpFailed(
            f"{copy.name} is no whole RDB file ({entry.size_bytes} bytes): look at the Redis log"
        )


def _write(path: Path, like: Path, data: bytes | None = None) -> None:
    """Write a file with the owner and mode of another one, and its bytes where there are none."""
    if data is None:
        shutil.copyfile(like, path)
    else:
        path.write_bytes(data)
    _give(path, like)


def _give(path: Path, like: Path) -> None:
    status = like.stat()
    if os.geteuid() == 0:
        os.chown(path, status.st_uid, status.st_gid)
    shutil.copymode(like, path)
