"""What the containers of a run take, those that come and go included.

The engine is asked twice a second which containers of this run there are; each one's control
group tells its CPU, and its first process what the server read (``rchar``; a PostgreSQL server
adds up its ended backends). The last moments of a container that is removed are not seen.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from docker import DockerClient
from docker.errors import APIError

from benchmarks.platform import LABEL, OF_THE_PRODUCT

_LOOK_SECONDS = 0.5
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class _Seen:
    """What one container had taken when it was first and last looked at."""

    first_cpu: float
    first_read: int
    last_cpu: float = 0.0
    last_read: int = 0


@dataclass
class ContainerWatch:
    """Watches the containers of a run while it is entered.

    Attributes:
        client: The engine.
        name: The run's.
    """

    client: DockerClient
    name: str
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _pids: dict[str, int] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._look(begun=False)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()
        self._look(begun=True)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all containers meanwhile."""
        return sum(seen.last_cpu - seen.first_cpu for seen in self._seen.values())

    @property
    def read_bytes(self) -> int:
        """Bytes their servers asked for meanwhile."""
        return sum(seen.last_read - seen.first_read for seen in self._seen.values())

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._look(begun=True)

    def _look(self, *, begun: bool) -> None:
        for container, pid in self._running().items():
            cpu, read = _cpu_seconds(container, pid), _read_bytes(pid)
            if cpu is None:  # it has ended meanwhile, or is being made
                continue
            if container not in self._seen:  # one that came later has taken nothing before
                self._seen[container] = _Seen(0.0 if begun else cpu, 0 if begun else read)
            seen = self._seen[container]
            seen.last_cpu, seen.last_read = cpu, max(read, seen.last_read)

    def _running(self) -> dict[str, int]:
        for entry in self.client.api.containers():
            labels = entry["Labels"]
            if self.name in (labels.get(LABEL), labels.get(OF_THE_PRODUCT)):
                self._learn(str(entry["Id"]))
        return dict(self._pids)

    def _learn(self, container: str) -> None:
        if container not in self._pids:
            try:
                state = self.client.api.inspect_container(container)["State"]
            except APIError:  # it has been removed meanwhile
                return
            self._pids[container] = int(state["Pid"])


def _cpu_seconds(container: str, pid: int) -> float | None:
    """Return the CPU time of a container's control group; None where it has none of its own.

    Its first process enters it a moment after it was started, and leaves it when it ends.
    """
    try:
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if container not in path:
                continue
            if "cpuacct" in controllers.split(","):
                usage = _CGROUPS / "cpuacct" / path.lstrip("/") / "cpuacct.usage"
                return int(usage.read_text()) / 1e9
            if controllers == "" and (_CGROUPS / "cgroup.controllers").exists():
                stat = (_CGROUPS / path.lstrip("/") / "cpu.stat").read_text()
                return int(dict(fact.split() for fact in stat.splitlines())["usage_usec"]) / 1e6
    except OSError:
        return None
    return None


def _read_bytes(pid: int) -> int:
    """Return what a process and its ended children asked for; 0 where that is not told."""
    try:
        return int(Path(f"/proc/{pid}/io").read_text().split()[1])
    except OSError:
        return 0
