"""Has a running Redis save its data, and takes the content of that very moment.

From Redis 7 on writers are held back for a moment, which ends by itself; before that, and
where it takes too long, what changed meanwhile is known within two counts.

Source: Redis documentation, CLIENT PAUSE, BGSAVE, LASTSAVE, INFO persistence.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from alt_backup_assets.dumps.inventory import Item, settled
from alt_backup_assets.dumps.redis import content as redis_content
from alt_backup_assets.dumps.redis.cli import RedisCli
from alt_backup_assets.errors import DumpFailed, PlatformError, ToolError, ToolFailed

_PAUSE_SECONDS = 3.0
_PAUSE_FROM = 7
_POLL_SECONDS = 0.2
_BUSY = ("in progress", "right now")


def require_ready(said: dict[str, str], label: str) -> None:
    """Refuse a server whose data cannot be dumped as one whole right now.

    Args:
        said: Its ``INFO``.
        label: How messages name it.

    Raises:
        DumpFailed: It is part of a cluster, loading, or a replica that is behind.
    """
    mode = said.get("redis_mode", "standalone")
    if mode != "standalone":
        raise DumpFailed(f"{label} runs as {mode}: this engine dumps one server that has all data")
    if said.get("loading", "0") != "0":
        raise DumpFailed(f"{label} is still loading its data: run again when it has")
    if said.get("role") == "slave" and said.get("master_link_status") != "up":
        raise DumpFailed(
            f"{label} is a replica and has lost its master: its data may be old, repair the link"
        )


@dataclass(frozen=True)
class Saved:
    """A save that is complete.

    Attributes:
        items: What was saved.
        serial: Tells this save from a later one.
    """

    items: tuple[Item, ...]
    serial: tuple[str | None, ...]


def serial(said: dict[str, str]) -> tuple[str | None, ...]:
    """Return what tells the last save from others, of what ``INFO`` says."""
    return tuple(said.get(name) for name in ("run_id", "rdb_last_save_time", "rdb_saves"))


def save(cli: RedisCli, said: dict[str, str], timeout_seconds: float) -> Saved:
    """Save the data into the server's own file and wait until that is complete.

    Args:
        cli: How the server is talked to.
        said: Its ``INFO``.
        timeout_seconds: For all of it.

    Raises:
        DumpFailed: The save failed or did not end in time, or another one came between.
        ToolError: A command was refused, or not answered in time.
        PlatformError: The service went away.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        before = _wait(cli, deadline)
        try:
            items = _begin(cli, said)
        except ToolFailed as error:
            if not any(word in str(error) for word in _BUSY):
                raise
            continue  # another save was faster: after it comes ours
        after = _wait(cli, deadline)
        _require_saved(before, after)
        return Saved(items, serial(after))


def _begin(cli: RedisCli, said: dict[str, str]) -> tuple[Item, ...]:
    version = said["redis_version"]
    # A replica's data comes from its master, which no pause of ours holds back.
    if redis_content.major(version) < _PAUSE_FROM or said.get("role") == "slave":
        return _unpaused(cli, version)
    return _paused(cli, version)


def _unpaused(cli: RedisCli, version: str) -> tuple[Item, ...]:
    before = redis_content.take(cli, version)
    cli.ask(("BGSAVE",))
    return settled(before, redis_content.take(cli, version))


def _paused(cli: RedisCli, version: str) -> tuple[Item, ...]:
    begun = time.monotonic()
    with ExitStack() as always:
        always.callback(_unpause, cli)
        cli.ask(("CLIENT", "PAUSE", f"{_PAUSE_SECONDS * 1000:.0f}", "WRITE"))
        before = redis_content.take(cli, version)
        cli.ask(("BGSAVE",), ("CLIENT", "UNPAUSE"))
    if time.monotonic() - begun < _PAUSE_SECONDS:
        return before
    return settled(before, redis_content.take(cli, version))


def _unpause(cli: RedisCli) -> None:
    with suppress(ToolError, PlatformError):  # it ends by itself, and another error may count
        cli.ask(("CLIENT", "UNPAUSE"))


def _wait(cli: RedisCli, deadline: float) -> dict[str, str]:
    """Return what INFO says as soon as nothing is being saved."""
    while True:
        said = cli.information()
        busy = [
            name
            for name in ("rdb_bgsave_in_progress", "aof_rewrite_in_progress")
            if said.get(name) != "0"
        ]
        if not busy:
            return said
        if time.monotonic() > deadline:
            raise DumpFailed(
                f"{cli.place.label}: the save did not end in time ({busy[0]} is"
                f" {said.get(busy[0], 'not said')}): raise timeout_minutes or look at the Redis log"
            )
        time.sleep(_POLL_SECONDS)


def _require_saved(before: dict[str, str], after: dict[str, str]) -> None:
    if after.get("rdb_last_bgsave_status") != "ok":
        raise DumpFailed(
            "Redis could not save its data (rdb_last_bgsave_status is"
            f" {after.get('rdb_last_bgsave_status', 'not said')}): look at the Redis log and at"
            " the disk space of its volume"
        )
    if before.get("run_id") != after.get("run_id"):
        raise DumpFailed("Redis was started again while it saved: run again")
    if "rdb_saves" in after and int(after["rdb_saves"]) != int(before["rdb_saves"]) + 1:
        raise DumpFailed("Redis saved for itself at the same time: run again")
