"""Processes of this machine that work inside a directory, or on one.

Holds finding and ending them: a server that was started for a drill has left its starter's
process group, but not its directory; a restic outlives a run that was killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GRACE_SECONDS = 10.0
"""How long processes may take after SIGTERM, and again after SIGKILL."""


def end_processes_in(directory: Path) -> None:
    """End every process whose working directory is inside a directory.

    Args:
        directory: The directory; this process itself is spared.
    """
    _end(lambda pid: _works_in(pid, directory))


def end_processes_on(path: Path) -> None:
    """End every process that was started to work on a path.

    The path is its last argument, behind ``--``, or stands behind ``--target``.

    Args:
        path: The path; this process itself is spared.
    """
    _end(lambda pid: _was_given(pid, path))


def _end(is_meant: Callable[[int], bool]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        asked: set[int] = set()
        while _signal_all(is_meant, number, asked) and time.monotonic() < deadline:
            time.sleep(0.05)


def _signal_all(is_meant: Callable[[int], bool], number: signal.Signals, asked: set[int]) -> bool:
    """Signal those not asked yet; tell whether there are any at all."""
    found = False
    for pid in _pids():
        with _handle(pid) as handle:
            # The handle came first: it cannot become another process's after the look.
            if handle is None or not is_meant(pid):
                continue
            found = True
            if pid not in asked:
                with suppress(ProcessLookupError):  # it ended between the look and the signal
                    signal.pidfd_send_signal(handle, number)
                asked.add(pid)
    return found


def _pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name)


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        yield None  # it has ended
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _works_in(pid: int, directory: Path) -> bool:
    try:
        where = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False  # ended, or another user's: then it is none we started
    return where == directory or directory in where.parents


def _was_given(pid: int, path: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False  # it has ended
    given = b"\0" + os.fsencode(path) + b"\0"
    return command.endswith(b"\0--" + given) or b"\0--target" + given in command
