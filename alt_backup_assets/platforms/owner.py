"""Who made a throw-away target, so that a crashed run's can be told from a live one's.

Holds the owner's mark and the judgement of it. Removing something that is still used is worse
than leaving something behind, so doubt always means "alive" until the target is too old for
any drill.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

MAX_LIFETIME_SECONDS = 6 * 3600
"""No drill takes longer; a throw-away target ends itself after this."""

_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Owner:
    """A process, unmistakably.

    Attributes:
        hostname: Of the machine or container it runs on.
        namespace: Its process-id namespace: the same hostname may have several.
        pid: Its process id there.
        started: When it started, in clock ticks since boot: ids are given out again.
    """

    hostname: str
    namespace: str
    pid: int
    started: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a mark; None if it is none of ours."""
        try:
            hostname, namespace, pid, started = text.strip().split("/")
            return cls(hostname, namespace, int(pid), int(started))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.hostname}/{self.namespace}/{self.pid}/{self.started}"


def current_owner() -> Owner:
    """Return the mark of this process."""
    return Owner(socket.gethostname(), _namespace(), os.getpid(), _process("self").started)


def is_orphan(
    mark: str, *, age_seconds: float, container_runs: Callable[[str], bool] | None = None
) -> bool:
    """Tell whether the owner of a target is surely gone.

    Args:
        mark: What the target carries.
        age_seconds: How long ago the target was made.
        container_runs: Tells by a short container id whether it runs; None where no engine
            can be asked.

    Returns:
        True if the owner's process has ended, if its container has, or, where neither can be
        found out from here, if the target is older than any drill.
    """
    owner = Owner.parse(mark)
    too_old = age_seconds > MAX_LIFETIME_SECONDS
    if owner is None:
        return too_old
    in_container = _CONTAINER_ID.fullmatch(owner.hostname) is not None
    if owner.hostname == socket.gethostname():
        if owner.namespace == _namespace():
            return not _lives(owner)
        return in_container or too_old  # our own container, before it was restarted
    if in_container and container_runs is not None and not container_runs(owner.hostname):
        return True
    return too_old


class _Process(NamedTuple):
    state: str
    started: int


def _process(pid: int | str) -> _Process:
    status = Path(f"/proc/{pid}/stat").read_text()
    # The program's name, in parentheses, may hold anything; fields as in proc_pid_stat(5).
    fields = status.rpartition(")")[2].split()
    return _Process(state=fields[0], started=int(fields[19]))


def _lives(owner: Owner) -> bool:
    try:
        process = _process(owner.pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    ended = process.state in "ZX"  # and not yet waited for by its parent
    return process.started == owner.started and not ended


def _namespace() -> str:
    return Path("/proc/self/ns/pid").readlink().name.removeprefix("pid:").strip("[]")
