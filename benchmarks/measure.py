"""Runs one contender in processes of its own and says what that took.

Counted for its processes: time and CPU of the whole tree (rusage of what was waited for), bytes
they asked for by read calls (``rchar``), and the memory of all of them together and of Python
alone, looked at while they run. For the containers of this run see ``containers``. What the
Docker engine itself takes is not counted.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.containers import ContainerWatch
from benchmarks.errors import BenchmarkFailed
from benchmarks.platform import Platform
from benchmarks.result import Sample

_LOOK_SECONDS = 0.2
_TAIL_LINES = 40
_LONGEST_SECONDS = 3600


def measured(
    platform: Platform,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    grows: Path | None = None,
) -> Sample:
    """Run a contender to its end.

    Args:
        platform: Its containers are watched meanwhile.
        argv: The contender.
        env: Its complete environment.
        log: Gets what it says.
        grows: A repository whose growth is measured.

    Raises:
        BenchmarkFailed: It exited with anything but 0; the last lines it said are in there.
    """
    before_bytes = tree_bytes(grows) if grows else 0
    with ContainerWatch(platform.client, platform.name) as watch, log.open("wb") as said:
        read_before, cpu_before = _read_bytes(), _cpu_seconds()
        started = time.monotonic()
        with _process(argv, env, said) as child, _watched(child.pid) as memory:
            code = _wait(child, argv[0])
        wall = time.monotonic() - started
        read, cpu = _read_bytes() - read_before, _cpu_seconds() - cpu_before
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise BenchmarkFailed(f"{' '.join(argv[:4])} exited with {code}:\n{tail}")
    return Sample(
        wall_seconds=wall,
        cpu_seconds=cpu,
        container_cpu_seconds=watch.cpu_seconds,
        read_bytes=read,
        server_read_bytes=watch.read_bytes,
        peak_bytes=memory.peak_bytes,
        python_peak_bytes=memory.python_peak_bytes or None,
        grown_bytes=tree_bytes(grows) - before_bytes if grows else None,
    )


def tree_bytes(directory: Path) -> int:
    """Return the size of all files below a directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def _process(
    argv: Sequence[str], env: Mapping[str, str], said: object
) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(  # type: ignore[call-overload]
        list(argv),
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:  # Ctrl-C: it is given time to clean up
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _wait(child: subprocess.Popen[bytes], name: str) -> int:
    try:
        return child.wait(timeout=_LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"{name} did not end within {_LONGEST_SECONDS} s") from None


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_bytes() -> int:
    # The kernel adds what a process read to its parent when the parent has waited for it.
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


@dataclass
class _Memory:
    """The most memory a tree of processes was seen to have.

    Attributes:
        peak_bytes: All of its processes together, resident.
        python_peak_bytes: Those that run Python: the sum of each one's own peak.
    """

    peak_bytes: int = 0
    python_peak_bytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self, pid: int) -> None:
        """Look at a process and all below it, until ``ended``."""
        while not self.ended.wait(_LOOK_SECONDS):
            seen = [_status(each) for each in _tree(pid)]
            python = sum(peak for peak, _, is_python in seen if is_python)
            self.peak_bytes = max(self.peak_bytes, sum(now for _, now, _ in seen))
            self.python_peak_bytes = max(self.python_peak_bytes, python)


@contextmanager
def _watched(pid: int) -> Iterator[_Memory]:
    memory = _Memory()
    thread = threading.Thread(target=memory.look, args=(pid,), daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.ended.set()
        thread.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    mine = _command(pid)
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(child) for child in children.read_text().split()]
        except OSError:  # it has ended
            continue
        for child in found:
            # One that has just been forked has its parent's memory, and would count it twice.
            if _command(child) != mine:
                yield from _tree(child)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _status(pid: int) -> tuple[int, int, bool]:
    """Return a process's peak and present memory in bytes, and whether it runs Python."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0, False
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    peak, now = (int(facts.get(name, "0 kB").split()[0]) * 1024 for name in ("VmHWM", "VmRSS"))
    return peak, now, facts.get("Name", "").startswith("python")
