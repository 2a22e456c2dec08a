"""Who holds a repository, and whether that is provably nobody any more.

Holds the rule and the look at this machine's processes. Keep out: removing anything; only
restic's own ``unlock`` does, and it leaves alone what it takes for alive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alt_backup_assets.tools.restic.values import Answer, Utc

_CLOCK_TOLERANCE = timedelta(minutes=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Lock(Answer):
    """A lock file of a repository.

    Attributes:
        time: When it was made or last refreshed (restic does every five minutes).
        hostname: The machine, or container, that made it.
        username: Whose process made it.
        pid: That process, there.
        exclusive: Nobody else may even read.
    """

    time: Utc
    hostname: str
    username: str = ""
    pid: int
    exclusive: bool = False

    @property
    def holder(self) -> str:
        """How messages name it."""
        return f"process {self.pid} of {self.username} on {self.hostname} since {self.time}"


def is_orphaned(
    lock: Lock,
    *,
    hostname: str,
    started_at: Callable[[int], datetime | None],
    host_is_gone: Callable[[str], bool],
) -> bool:
    """Tell whether whoever made a lock is provably gone.

    Args:
        lock: The lock.
        hostname: Our own; two containers must never share one.
        started_at: When a process of ours started, None where there is none.
        host_is_gone: Whether another host name is a container that no longer exists.
    """
    if lock.hostname != hostname:
        return host_is_gone(lock.hostname)
    started = started_at(lock.pid)
    # A process that started after the lock was made has only inherited the number.
    return started is None or started > lock.time + _CLOCK_TOLERANCE


def process_started_at(pid: int) -> datetime | None:
    """Return when a process of this machine started, None where there is none.

    One whose start cannot be learnt counts as there for ever. Source: proc(5), ``starttime``.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return _LONG_AGO
    try:
        # The program's name, in parentheses, may hold blanks: count from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        machine = Path("/proc/stat").read_text()
    except OSError:
        return _LONG_AGO
    booted_at = re.search(r"^btime (\d+)$", machine, re.MULTILINE)
    if booted_at is None:
        return _LONG_AGO
    up_seconds = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(int(booted_at[1]) + up_seconds, tz=UTC)
