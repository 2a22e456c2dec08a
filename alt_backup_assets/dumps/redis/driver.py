"""Redis: a complete RDB file, with the content of the very moment it was saved.

The two verbs of every engine: ``dump`` has a running server save its data, ``rehearse`` loads a
dump into a throw-away one and takes the same content again.

Source: SPEC section 2, "Redis"; Redis documentation, "Redis persistence".
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.redis import content as redis_content
from alt_backup_assets.dumps.redis import files as redis_files
from alt_backup_assets.dumps.redis import save, throwaway
from alt_backup_assets.dumps.redis.cli import RedisCli
from alt_backup_assets.dumps.tree import TREE
from alt_backup_assets.errors import DumpFailed, ToolFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.http import read_secret

RESTORATION: Restoration = VolumeFiles(lay_out=redis_files.lay_out)

_SETTINGS = ("dir", "dbfilename", "appendonly", "appendfilename", "appenddirname")
_NEW_SETTINGS = {"appenddirname": ""}  # before Redis 7 there is none


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Have Redis save its data, and copy the file it wrote.

    Args:
        volume: An entry of the engine ``redis``, with ``password_file`` where one is needed.
        platform: Where its service runs, and where its volume is.
        directory: An empty directory for the copy.

    Returns:
        What was saved, and the content it has.

    Raises:
        DumpFailed: Redis could not save, holds no key, or its file is not there, not new or
            not whole.
        ConfigurationError: The password cannot be read.
        ToolError: Redis refused a command, or did not answer.
        PlatformError: The service or the volume is not there, or went away.
    """
    service = platform.service(volume.service)
    source = platform.volume_path(volume.name, volume.service)
    timeout_seconds = volume.timeout_minutes * 60.0
    password = read_secret(volume.password_file)
    cli = RedisCli(service, timeout_seconds, user=volume.user, password=password)
    said = cli.information()
    save.require_ready(said, service.label)
    settings = _settings(cli)
    taken_at, begun = datetime.now(UTC), time.time()
    saved = save.save(cli, said, timeout_seconds)
    if not any(item.count for item in saved.items):
        raise DumpFailed(
            f"{service.label} holds no key: an empty volume never replaces the last good dump"
            " (did it start with the right directory?)"
        )
    written = redis_files.copy_rdb(source, directory, settings, not_before=begun)
    if save.serial(cli.information()) != saved.serial:
        raise DumpFailed(
            f"{service.label} saved for itself, or was started again, while its file was copied:"
            " run again"
        )
    return Dumped(
        taken_at=taken_at,
        runtime=service.runtime,
        server_version=said["redis_version"],
        artifacts=written,
        content=Inventory(unit=redis_content.UNIT, items=saved.items, settings=settings),
        warnings=_warnings(said),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> Inventory:
    """Load a restored dump into a throw-away server and take its content again.

    Args:
        record: The dump's record.
        directory: The dump, as it came back from the repository.
        platform: Makes the throw-away target.

    Returns:
        What the server loaded, to be compared with the record.

    Raises:
        DumpFailed: The record is of another engine.
        DrillError: The server refused the dump.
        ToolError: A program failed.
        PlatformError: No throw-away target could be made.
    """
    recorded = redis_files.recorded(record)
    rdb = directory / TREE / recorded.settings["dbfilename"]
    with throwaway.server(platform, record, rdb) as cli:
        items = redis_content.take(cli, record.server_version)
    return Inventory(unit=recorded.unit, items=items, settings=recorded.settings)


def _settings(cli: RedisCli) -> dict[str, str]:
    replies = cli.ask(*(("CONFIG", "GET", name) for name in _SETTINGS))
    found = dict(_NEW_SETTINGS)
    for reply in replies:
        name, newline, value = reply.partition("\n")
        if newline and name in _SETTINGS:
            found[name] = value.rstrip("\n")
    missing = [name for name in _SETTINGS if name not in found]
    if missing:
        raise ToolFailed(f"{cli.place.label}: CONFIG GET does not tell {missing[0]}")
    return found


def _warnings(said: dict[str, str]) -> tuple[str, ...]:
    found = []
    if said.get("rdb_last_bgsave_status", "ok") != "ok":
        found.append(
            "The last save before this dump failed: look at the Redis log and at its disk space."
        )
    if said.get("aof_last_write_status", "ok") != "ok":
        found.append(
            "Redis cannot write its append-only file: look at the Redis log and at its disk space."
        )
    return tuple(found)
