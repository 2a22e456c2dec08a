"""One command inside a container, and how it ended.

Holds the verdict: only an exit code 0 behind a whole stream is a success. Keep out: the ways
callers converse with a command (``execution``).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import requests
from docker.errors import APIError, DockerException, NotFound

from alt_backup_assets.errors import ServiceVanished, ToolFailed, ToolMissing
from alt_backup_assets.tools.docker.engine import Container, answering
from alt_backup_assets.tools.docker.stream import STDOUT, ExecStream
from alt_backup_assets.tools.process import TAIL_LINES, failure

_EXIT_CODE_SECONDS = 5.0
_SETTLING_SECONDS = 3.0
_POLL_SECONDS = 0.02
_TAIL_BYTES = 1 << 16
_HEAD_BYTES = 1 << 11
_NOT_STARTED = b"OCI runtime exec failed"
# The container ended while the command was started.
_CUT_OFF = (b"broken pipe", b"connection reset by peer")
_KILLED = 137
_CONFLICT = 409


class Command:
    """One exec: what it said, and how it ended."""

    def __init__(
        self, container: Container, argv: Sequence[str], env: Mapping[str, str] | None
    ) -> None:
        self.container = container
        self.argv = list(argv)
        self._head = bytearray()
        self._stderr = bytearray()
        self._exited = False
        with self._asked(f"to start {argv[0]}"):
            created = container.api.exec_create(
                container.id,
                self.argv,
                stdin=True,
                user=container.user or "",
                environment=dict(env or {}),
            )
            self._exec_id = str(created["Id"])
            self.stream = ExecStream(container.api, self._exec_id)

    def converse(self, stdin: bytes, sink: Callable[[bytes], object], deadline: float) -> None:
        """Send all of stdin, take all of the output, and judge the end."""
        outgoing = bytearray(stdin)
        open_stdin = True
        while not self.stream.ended:
            if open_stdin and not outgoing:
                self.stream.close_stdin()
                open_stdin = False
            if output := self.exchange(outgoing, deadline):
                sink(output)
        self.judge()

    def exchange(self, outgoing: bytearray, deadline: float) -> bytes:
        """Do one step of the conversation; return what came on standard output."""
        output = bytearray()
        for frame in self.stream.exchange(outgoing, deadline):
            if frame.stream == STDOUT:
                output += frame.data
            else:
                self._stderr += frame.data
                del self._stderr[:-_TAIL_BYTES]
        self._head += output[: _HEAD_BYTES - len(self._head)]
        return bytes(output)

    def judge(self) -> None:
        """Return only if the command exited with 0 and its stream is whole."""
        exit_code = self._exit_code()
        if exit_code == 0 and not self.stream.cut:
            return
        self._must_still_run(exit_code)
        name = f"{self.argv[0]} in {self.container.label}"
        if self._head.startswith(_NOT_STARTED):
            said = self._head.decode(errors="replace").strip()
            if any(words in self._head for words in _CUT_OFF):
                self._vanished("stopped")
            raise ToolMissing(f"cannot start {name}: {said}")
        if exit_code == 0:
            raise ToolFailed(f"{name} exited with 0, but its output was cut off", exit_code)
        raise ToolFailed(f"in {self.container.label}: {self._how(exit_code)}", exit_code)

    def tail(self) -> str:
        """Return the last lines of its standard error."""
        lines = self._stderr.decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def stop(self) -> None:
        """Kill it if it runs and its process is provably inside the container."""
        if self._exited:
            return
        deadline = time.monotonic() + _SETTLING_SECONDS
        pid = 0
        while not pid and time.monotonic() < deadline:
            try:
                state = self.container.api.exec_inspect(self._exec_id)
            except (DockerException, requests.RequestException):
                return  # nothing is known of it, so nothing may be killed
            if state["ExitCode"] is not None:
                return
            # Without a process id it has not begun yet; it still would, unattended.
            if not (pid := int(state["Pid"])):
                time.sleep(_POLL_SECONDS)
        _kill_inside(self.container.id, pid)

    def _how(self, exit_code: int | None) -> str:
        return failure(self.argv[0], exit_code, self.tail())

    def _exit_code(self) -> int | None:
        # The stream ends a moment before the engine knows the exit code. No longer than a
        # moment: a stream that was cut on the way must not pass for one that was complete.
        deadline = time.monotonic() + _EXIT_CODE_SECONDS
        while True:
            with self._asked(f"how {self.argv[0]} ended"):
                state = self.container.api.exec_inspect(self._exec_id)
            if not state["Running"]:
                self._exited = True
                code = state["ExitCode"]
                return None if code is None else int(code)
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)

    def _must_still_run(self, exit_code: int | None) -> None:
        # A container that is killed takes its commands along first; the engine learns of its
        # own end a moment later.
        patience = _SETTLING_SECONDS if exit_code in (None, _KILLED) else 0.0
        deadline = time.monotonic() + patience
        while True:
            with self._asked("its state"):
                state = self.container.api.inspect_container(self.container.id)["State"]
            if not state["Running"]:
                self._vanished("stopped")
            if patience and state["StartedAt"] != self.container.started_at:
                self._vanished("was restarted")
            if time.monotonic() >= deadline:
                return
            time.sleep(_POLL_SECONDS)

    def _vanished(self, how: str) -> NoReturn:
        raise ServiceVanished(f"{self.container.label} {how} while {self.argv[0]} ran in it")

    @contextmanager
    def _asked(self, question: str) -> Iterator[None]:
        with answering(question):
            try:
                yield
            except NotFound:
                raise ServiceVanished(f"{self.container.label} was removed") from None
            except APIError as error:
                if error.status_code != _CONFLICT:
                    raise
                raise ServiceVanished(
                    f"{self.container.label} cannot run {self.argv[0]}: {error.explanation}"
                ) from None


def _kill_inside(container_id: str, pid: int) -> None:
    # The handle is taken before the proof is read: a pid given to another process in between
    # leaves a handle of a dead one.
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return  # not of this machine, or gone
    try:
        if container_id in Path(f"/proc/{pid}/cgroup").read_text():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return  # ended meanwhile, or not ours to kill
    finally:
        os.close(handle)
