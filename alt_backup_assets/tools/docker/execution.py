"""Commands inside containers: run to the end, or talked to line by line.

Holds the one way a command runs in a container: an exec whose stream we read ourselves, with a
deadline of our own, because the client library's does not end a silent stream. Keep out: which
container is meant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from alt_backup_assets.errors import ToolFailed, ToolTimeout
from alt_backup_assets.tools.docker.command import Command
from alt_backup_assets.tools.docker.engine import Container
from alt_backup_assets.tools.docker.stream import OutOfTimeError
from alt_backup_assets.tools.process import failure

_WRITE_SECONDS = 60.0


def run(
    container: Container,
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    stdin: bytes = b"",
    stdout: Callable[[bytes], object] | None = None,
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Run one command in a container to its end; the contract of ``Place.run``.

    A command given up is also killed where its process is provably the container's as seen from
    here, that is on the engine's own machine. Elsewhere it is left: its standard input is
    closed, and what it still writes the engine throws away.

    Raises:
        ToolFailed: It exited with anything but 0, or nobody knows how it ended.
        ToolMissing: There is no such program in the container.
        ToolTimeout: It did not end in time.
        ServiceVanished: The container went away meanwhile.
        PlatformError: The engine does not answer.
    """
    collected = bytearray()
    deadline = time.monotonic() + timeout_seconds
    with _started(container, argv, env) as command:
        try:
            command.converse(stdin, stdout or collected.extend, deadline)
        except OutOfTimeError:
            raise _too_late(argv, container, timeout_seconds) from None
    return bytes(collected)


class ExecSession:
    """A program in a container that is talked to line by line."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input; output that comes meanwhile is kept.

        Raises:
            ToolFailed: It has ended.
            ToolTimeout: It takes nothing for a minute.
            ServiceVanished: The container is gone.
        """
        outgoing = bytearray(data)
        deadline = time.monotonic() + _WRITE_SECONDS
        while outgoing:
            self._step(outgoing, deadline, _WRITE_SECONDS)

    def read_line(self, *, timeout_seconds: float) -> bytes:
        """Return its next line of output without the newline.

        Raises:
            ToolTimeout: No whole line came in time.
            ToolFailed: It ended.
            ServiceVanished: The container is gone.
        """
        deadline = time.monotonic() + timeout_seconds
        while (end := self._buffer.find(b"\n")) < 0:
            self._step(bytearray(), deadline, timeout_seconds)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _step(self, outgoing: bytearray, deadline: float, timeout_seconds: float) -> None:
        command = self._command
        try:
            output = command.exchange(outgoing, deadline)
        except OutOfTimeError:
            raise _too_late(command.argv, command.container, timeout_seconds) from None
        self._buffer += output
        if command.stream.ended and not output:
            command.judge()
            raise ToolFailed(failure(command.argv[0], 0, command.tail()), 0)


@contextmanager
def open_session(
    container: Container, argv: Sequence[str], *, env: Mapping[str, str] | None = None
) -> Iterator[ExecSession]:
    """Start a program in a container to talk to; leaving the context ends it (see ``run``).

    Raises:
        ServiceVanished: The container is gone.
        PlatformError: The engine does not answer.
    """
    with _started(container, argv, env) as command:
        yield ExecSession(command)


@contextmanager
def _started(
    container: Container, argv: Sequence[str], env: Mapping[str, str] | None
) -> Iterator[Command]:
    command = Command(container, argv, env)
    try:
        yield command
    finally:
        command.stream.close()
        command.stop()


def _too_late(argv: Sequence[str], container: Container, timeout_seconds: float) -> ToolTimeout:
    return ToolTimeout(
        f"{Path(argv[0]).name} in {container.label} did not end within {timeout_seconds:g} s"
    )
