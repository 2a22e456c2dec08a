"""A throw-away Redis that has loaded a dump: made of the source's own program files.

It is told to be the replica of a master that is not there: a replica keeps the keys whose time
is over, so what was saved can be counted. It listens on a socket in its own directory only.

Source: Redis documentation, "Redis replication" (how expired keys are dealt with), redis.conf.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.redis.cli import RedisCli, fields
from alt_backup_assets.errors import DrillError, ToolError, ToolFailed
from alt_backup_assets.platforms.seam import Platform, Throwaway

_START_SECONDS = 60.0
_SILENT_SECONDS = 20.0
_LOAD_SECONDS = 7200.0
_POLL_SECONDS = 0.2
_FILE = "dump.rdb"
_LOG = "log"
_LOG_LINES = 30
# How Redis words the end of a server that cannot read its file, or its options.
_GIVEN_UP = ("aborting now", "error in rdb", "fatal error", "terminating server", "exiting")


@contextmanager
def server(platform: Platform, record: DumpRecord, rdb: Path) -> Iterator[RedisCli]:
    """Start a throw-away server on a dump; leaving the context removes all of it.

    Args:
        platform: Makes the place.
        record: Names the service and the program files the dump was taken with.
        rdb: The dump's file.

    Raises:
        DrillError: The server refused the file or did not load it in time; its own words
            are in the message.
        ToolError: It did not start.
        PlatformError: No throw-away target could be made.
    """
    if record.runtime is None:
        raise DrillError(f"the record of {record.volume} does not say what the server ran on")
    with platform.throwaway(record.service, record.runtime) as place:
        # Redis wants its file by name in a directory it may write to.
        link = ["ln", "-s", place.put(rdb), posixpath.join(place.directory, _FILE)]
        for argv in (link, _start(place.directory)):
            place.run(argv, timeout_seconds=_START_SECONDS)
        socket = posixpath.join(place.directory, "s")
        cli = RedisCli(place, _LOAD_SECONDS, options=("-s", socket))
        try:
            _wait(place, socket)
            yield cli
        finally:
            with suppress(ToolError):  # a server that ends says nothing, and the place ends it too
                place.run([*_cli(socket), "SHUTDOWN", "NOSAVE"], timeout_seconds=_START_SECONDS)


def _cli(socket: str) -> list[str]:
    return ["redis-cli", "-s", socket]


def _start(directory: str) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": posixpath.join(directory, "s"),
        "unixsocketperm": "700",
        "dir": directory,
        "dbfilename": _FILE,
        "logfile": posixpath.join(directory, _LOG),
        "appendonly": "no",
        "save": "",
        "daemonize": "yes",
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return ["redis-server", *words, "--replicaof", "127.0.0.1", "1"]


def _wait(place: Throwaway, socket: str) -> None:
    """Return once the file is loaded."""
    # Asked by arguments, without a mark behind it: before 7.0.3 a Redis that loads refuses ECHO.
    asked = [*_cli(socket), "INFO", "persistence"]
    begun = heard = time.monotonic()
    while True:
        try:
            said = place.run(asked, timeout_seconds=_LOAD_SECONDS).decode("utf-8", "replace")
        except ToolFailed:
            _require_alive(place, silent_seconds=time.monotonic() - heard)
        else:
            heard = time.monotonic()
            if fields(said).get("loading") == "0":
                return
        if time.monotonic() - begun > _LOAD_SECONDS:
            raise DrillError(f"Redis did not load the dump within {_LOAD_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def _require_alive(place: Throwaway, *, silent_seconds: float) -> None:
    log = posixpath.join(place.directory, _LOG)
    try:
        tail = place.run(
            ["tail", "-n", str(_LOG_LINES), log], timeout_seconds=_START_SECONDS
        ).decode("utf-8", "replace")
    except ToolFailed:
        tail = ""  # not even a log so far
    lines = tail.strip().splitlines() or ["it wrote no log"]
    ends = [line for line in lines if any(word in line.lower() for word in _GIVEN_UP)]
    if ends or silent_seconds > _SILENT_SECONDS:
        # Behind the line that tells why there are others: of its own check, and of its end.
        line = ends[0] if ends else lines[-1]
        raise DrillError(f"Redis did not load the dump: {line.partition(' # ')[2] or line}")
