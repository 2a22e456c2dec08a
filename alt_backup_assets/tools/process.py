"""The only place that starts a process on this machine.

An argument list, no shell, an explicit environment, no terminal to ask questions on, a time
limit for the whole process group, and the last lines of what it said. Secrets never pass
through here: programs get the *path* of a secret.
"""

from __future__ import annotations

import os
import pwd
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.errors import ToolFailed, ToolMissing, ToolTimeout
from alt_backup_assets.tools import interruption

TAIL_LINES = 25
_CHUNK_BYTES = 1 << 16
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "TMPDIR", "USER")


@dataclass(frozen=True)
class Completed:
    """A process that ended by itself.

    Attributes:
        exit_code: Its exit code; negative for a signal.
        stdout: Its output, empty where a sink took it.
        stderr_tail: The last lines of its standard error.
    """

    exit_code: int
    stdout: bytes
    stderr_tail: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment children get: a short list of our own, and ``extra``."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {"LC_ALL": "C.UTF-8", **kept, **(extra or {})}


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    stdout: Callable[[bytes], object] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> Completed:
    """Run a program to its end.

    Args:
        argv: The program and its arguments.
        timeout_seconds: After this long its whole process group is killed.
        env: Its complete environment; ``environment()`` when None.
        stdin: All of its standard input.
        stdout: Takes the output piece by piece; without it the output is collected.
        cwd: Its working directory.
        user: Unix user to run it as.

    Returns:
        How it ended, whatever the exit code: the caller has the table.

    Raises:
        ToolMissing: There is no such program.
        ToolTimeout: It did not end in time.
    """
    collected = bytearray()
    sink = stdout or collected.extend
    with _started(argv, env=env, cwd=cwd, user=user) as child:
        tail = _Tail(child)
        writer = threading.Thread(target=_feed, args=(child, stdin), daemon=True)
        writer.start()
        deadline = time.monotonic() + timeout_seconds
        try:
            for chunk in _chunks(child, deadline, argv[0], timeout_seconds):
                sink(chunk)
        except ToolTimeout:
            _kill_heirs(child)
            raise
        try:
            exit_code = child.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _too_late(argv[0], timeout_seconds) from None
        # The group is killed on the way out, so a grandchild holding stderr cannot hang us.
        return Completed(exit_code, bytes(collected), tail.text())


class ProcessSession:
    """A running program that is talked to line by line."""

    def __init__(self, child: subprocess.Popen[bytes], name: str) -> None:
        self._child = child
        self._name = name
        self._tail = _Tail(child)
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input.

        Raises:
            ToolFailed: It has ended.
        """
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def read_line(self, *, timeout_seconds: float) -> bytes:
        """Return its next line of output without the newline.

        Raises:
            ToolTimeout: No whole line came in time.
            ToolFailed: It ended.
        """
        deadline = time.monotonic() + timeout_seconds
        while (end := self._buffer.find(b"\n")) < 0:
            chunk = next(_chunks(self._child, deadline, self._name, timeout_seconds), b"")
            if not chunk:
                raise self._ended()
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _ended(self) -> ToolFailed:
        try:
            exit_code: int | None = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            exit_code = None
        return ToolFailed(failure(self._name, exit_code, self._tail.text()), exit_code)


@contextmanager
def open_session(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> Iterator[ProcessSession]:
    """Start a program to talk to; leaving the context ends its process group.

    Raises:
        ToolMissing: There is no such program.
    """
    with _started(argv, env=env, cwd=cwd, user=user) as child:
        yield ProcessSession(child, argv[0])


def failure(name: str, exit_code: int | None, stderr_tail: str) -> str:
    """Word the failure of a program: what, how, and what it said last."""
    said = stderr_tail.strip() or "it said nothing"
    how = "ended" if exit_code is None else f"exited with {exit_code}"
    return f"{Path(name).name} {how}: {said}"


@contextmanager
def _started(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    user: str | None,
) -> Iterator[subprocess.Popen[bytes]]:
    complete = environment() if env is None else dict(env)
    group, more_groups = _groups(user)
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=complete,
            cwd=cwd,
            user=user,
            group=group,
            extra_groups=more_groups,
            start_new_session=True,  # a group of its own to kill, and no terminal to ask on
        )
    except (FileNotFoundError, PermissionError) as error:
        raise ToolMissing(f"cannot start {argv[0]}: {error.strerror}") from None
    try:
        yield child
    finally:
        _kill_group(child)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                _close_quietly(stream)


def _groups(user: str | None) -> tuple[int | None, list[int] | None]:
    # Without this a child that runs as another user would keep our own groups.
    if user is None:
        return None, None
    group = pwd.getpwnam(user).pw_gid
    return group, os.getgrouplist(user, group)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _kill_heirs(child: subprocess.Popen[bytes]) -> None:
    # The child may have ended and left one of its own holding the pipe we waited on; while
    # such a one lives, the group's number is not given to anybody else.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _close_quietly(stream: object) -> None:
    try:
        stream.close()  # type: ignore[attr-defined]
    except BrokenPipeError:
        return  # the reader ended first; there is nothing left to deliver


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(data)
        child.stdin.close()
    except (BrokenPipeError, ValueError):
        return  # the program did not want all of it; its exit code tells


def _chunks(
    child: subprocess.Popen[bytes], deadline: float, name: str, timeout_seconds: float
) -> Iterator[bytes]:
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            interruption.heed()
            left = deadline - time.monotonic()
            if left <= 0:  # one that never stops talking is late too
                raise _too_late(name, timeout_seconds)
            if not selector.select(min(left, interruption.SLICE_SECONDS)):
                continue
            chunk = os.read(child.stdout.fileno(), _CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


def _too_late(name: str, timeout_seconds: float) -> ToolTimeout:
    return ToolTimeout(f"{Path(name).name} did not end within {timeout_seconds:g} s")


class _Tail:
    """Keeps the last lines of a child's standard error while it runs."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._thread = threading.Thread(target=self._drain, args=(child,), daemon=True)
        self._thread.start()

    def _drain(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stderr is not None
        with child.stderr as stream:
            for line in stream:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))

    def text(self) -> str:
        self._thread.join(timeout=5)
        return "\n".join(self._lines)
