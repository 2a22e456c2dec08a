"""Commands in containers, on an engine that fails in every way it can."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from alt_backup_assets.errors import (
    AltBackupError,
    PlatformError,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from alt_backup_assets.tools import interruption
from alt_backup_assets.tools.docker import command
from alt_backup_assets.tools.docker.engine import Container, connect
from alt_backup_assets.tools.docker.execution import open_session, run
from alt_backup_assets.tools.docker.stream import ExecStream, Frame, take_frames
from tests.fakes.docker_engine import STARTED_AT, Script, frame, scripted_engine

RUNNING = {"Running": True, "ExitCode": None, "Pid": 0}


def ended(exit_code: int | None) -> dict[str, object]:
    """Return the state of a command that is over."""
    return {"Running": False, "ExitCode": exit_code, "Pid": 0}


@contextmanager
def container(directory: Path, script: Script) -> Iterator[Container]:
    """Give a container of a scripted engine."""
    with scripted_engine(directory, script) as url:
        yield Container(connect(url), "c" * 64, "db (container alt-db)", STARTED_AT)


def run_on(directory: Path, script: Script) -> bytes:
    """Run the scripted command."""
    with container(directory, script) as place:
        return run(place, ["pg_dump"], timeout_seconds=20)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_EXIT_CODE_SECONDS", 0.2)
    monkeypatch.setattr(command, "_SETTLING_SECONDS", 0.2)


def test_frames_are_taken_as_they_become_complete() -> None:
    """However the bytes are cut, the same frames come out, and a rest stays."""
    whole = frame(b"one") + frame(b"", 2) + frame(b"two", 2)
    expected = [Frame(1, b"one"), Frame(2, b""), Frame(2, b"two")]
    for cut in range(len(whole) + 1):
        buffer = bytearray(whole[:cut])
        taken = list(take_frames(buffer))
        buffer += whole[cut:] + b"\x01\0"
        assert taken + list(take_frames(buffer)) == expected
        assert buffer == b"\x01\0"


@pytest.mark.parametrize("data", [b"plain text of a terminal", b"\x09\0\0\0\0\0\0\0"])
def test_other_bytes_are_no_frames(data: bytes) -> None:
    """What is not the engine's format is refused, not guessed at."""
    with pytest.raises(PlatformError, match="not an exec's stream"):
        list(take_frames(bytearray(data)))


def test_output_in_one_packet_with_the_headers_is_not_lost(tmp_path: Path) -> None:
    """The HTTP client reads ahead; what it has taken belongs to the stream."""
    assert run_on(tmp_path, Script(stream=frame(b"PGDMP") + frame(b" rest"))) == b"PGDMP rest"


def test_pieces_are_let_gather_and_answers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump comes in pieces of a few kilobytes; a conversation is short, or has two sides."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    engine, ours = socket.socketpair()
    nothing = SimpleNamespace(fp=io.BufferedReader(io.BytesIO()))
    response = SimpleNamespace(raw=SimpleNamespace(_fp=nothing), close=engine.close)
    api = Mock(exec_start=lambda *_, **__: SimpleNamespace(_response=response, _sock=ours))
    stream = ExecStream(api, "an exec")

    def hear(data: bytes, say: bytes = b"") -> int:
        engine.sendall(frame(data))
        outgoing, heard = bytearray(say), list[Frame]()
        while outgoing or not heard:
            heard += stream.exchange(outgoing, time.monotonic() + 20)
        assert [each.data for each in heard] == [data]
        return len(slept)

    assert [hear(b"answer"), hear(b"another"), hear(b"a" * 5000)] == [0, 0, 0]
    assert hear(b"a" * 5000) == 1
    assert hear(b"what came after a piece", say=b"a question") == 1
    assert hear(b"answer") == 1
    assert hear(b"a" * 100_000) == 1
    assert hear(b"what came with much else") == 1
    stream.close()


def test_the_exit_code_is_waited_for(tmp_path: Path) -> None:
    """The engine may close the stream a moment before it knows the exit code."""
    script = Script(stream=frame(b"all"), states=[RUNNING, RUNNING, ended(0)])
    assert run_on(tmp_path, script) == b"all"


CUT = "exited with 0, but its output was cut off"
GONE = {"Running": False, "StartedAt": STARTED_AT}
AGAIN = {"Running": True, "StartedAt": "2026-11-23T00:00:09Z"}
CUT_OFF = b"OCI runtime exec failed: exec failed: unable to start container process: %s: unknown"
MISSING = frame(b'OCI runtime exec failed: exec: "pg_dump": executable file not found in $PATH')


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        pytest.param(Script(stream=frame(b"long")[:-2]), ToolFailed, CUT, id="cut frame"),
        pytest.param(Script(stream=frame(b"long")[:3]), ToolFailed, CUT, id="cut header"),
        pytest.param(Script(stream=frame(b"oh", 3)), ToolFailed, CUT, id="complaint"),
        pytest.param(Script(stream=b"<html>" * 9), PlatformError, "not an exec", id="no stream"),
        pytest.param(Script(states=[RUNNING]), ToolFailed, "pg_dump ended", id="still running"),
        pytest.param(Script(states=[ended(None)]), ToolFailed, "pg_dump ended", id="unknown"),
        pytest.param(Script(states=[ended(1)]), ToolFailed, "exited with 1", id="failed"),
        pytest.param(
            Script(stream=frame(b"no such table", 2), states=[ended(1)]),
            ToolFailed,
            r"in db \(container alt-db\): pg_dump exited with 1: no such table",
            id="failed with words",
        ),
        pytest.param(Script(states=[ended(137)]), ToolFailed, "exited with 137", id="killed"),
        pytest.param(
            Script(states=[ended(137)], container=GONE), ServiceVanished, "stopped", id="stopped"
        ),
        pytest.param(
            Script(states=[ended(137)], container=AGAIN),
            ServiceVanished,
            "was restarted",
            id="restarted",
        ),
        pytest.param(
            Script(states=[ended(1)], container=AGAIN), ToolFailed, "with 1", id="failed later"
        ),
        pytest.param(
            Script(stream=MISSING, states=[ended(126)]), ToolMissing, "not found", id="missing"
        ),
        pytest.param(
            Script(stream=MISSING, states=[ended(126)], container=GONE),
            ServiceVanished,
            "stopped",
            id="missing because stopped",
        ),
        *(
            pytest.param(
                Script(stream=frame(CUT_OFF % pipe), states=[ended(126)]),
                ServiceVanished,
                "stopped",
                id=f"container ended while it was started: {pipe.decode()}",
            )
            for pipe in (b"write init-p: broken pipe", b"read init-p: connection reset by peer")
        ),
        pytest.param(
            Script(refusals={"/command/json": (404, "No such exec instance")}),
            ServiceVanished,
            "was removed",
            id="removed",
        ),
        pytest.param(
            Script(refusals={"/exec": (404, "No such container")}),
            ServiceVanished,
            "was removed",
            id="removed before",
        ),
        pytest.param(
            Script(refusals={"/exec": (409, "is paused")}), ServiceVanished, "paused", id="paused"
        ),
        pytest.param(
            Script(refusals={"/exec": (500, "no space left")}),
            PlatformError,
            "refused to start pg_dump: no space left",
            id="engine in trouble",
        ),
        pytest.param(
            Script(refusals={"/start": (403, "denied by proxy")}),
            PlatformError,
            "denied by proxy",
            id="refused by a proxy",
        ),
    ],
)
def test_every_other_end_is_a_failure(
    tmp_path: Path, script: Script, error: type[AltBackupError], message: str
) -> None:
    """Only exit code 0 behind a whole stream is a success; each other end has its own error."""
    with pytest.raises(error, match=message) as caught:
        run_on(tmp_path, script)
    assert type(caught.value) is error


def test_a_silent_stream_is_given_up_in_time(tmp_path: Path) -> None:
    """Half a frame and then nothing: the deadline is our own."""
    script = Script(stream=frame(b"long")[:-1], states=[RUNNING], hold_open=threading.Event())
    with container(tmp_path, script) as place, pytest.raises(ToolTimeout, match=r"within 0\.2 s"):
        run(place, ["pg_dump"], timeout_seconds=0.2)


def test_a_session_whose_stream_is_cut_has_failed(tmp_path: Path) -> None:
    """What came before the cut is read, the half line is not."""
    script = Script(stream=frame(b"one\ntw") + b"\x01\0")
    with container(tmp_path, script) as place, open_session(place, ["psql"]) as session:
        assert session.read_line(timeout_seconds=20) == b"one"
        with pytest.raises(ToolFailed, match="cut off"):
            session.read_line(timeout_seconds=20)


def test_writing_to_a_session_that_ended_says_how(tmp_path: Path) -> None:
    """An error while writing is the program's end, with its last words."""
    script = Script(stream=frame(b"FATAL: role missing", 2), states=[ended(2)])
    with container(tmp_path, script) as place, open_session(place, ["psql"]) as session:
        with pytest.raises(ToolFailed, match="exited with 2: FATAL: role missing"):
            session.read_line(timeout_seconds=20)
        with pytest.raises(ToolFailed, match="exited with 2: FATAL: role missing"):
            session.write(b"SELECT 1;\n" * 1_000_000)


@pytest.mark.parametrize("inside", [True, False])
def test_only_a_process_inside_the_container_is_killed(tmp_path: Path, inside: bool) -> None:
    """A process id of the engine's machine proves nothing here; the control group does."""
    with subprocess.Popen(["sleep", "60"]) as process:
        group = Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()[0]
        states = [{"Running": True, "ExitCode": None, "Pid": process.pid}]
        script = Script(states=states, hold_open=threading.Event())
        with scripted_engine(tmp_path, script) as url:
            place = Container(connect(url), group if inside else "c" * 64, "db", STARTED_AT)
            with pytest.raises(ToolTimeout):
                run(place, ["pg_dump"], timeout_seconds=0.2)
        if not inside:
            assert process.poll() is None
            process.terminate()
        assert process.wait(timeout=20) == -(signal.SIGKILL if inside else signal.SIGTERM)


def test_a_waiting_thread_is_interrupted(tmp_path: Path) -> None:
    """Ctrl-C reaches a thread that waits for a container, long before its deadline."""
    script = Script(states=[RUNNING], hold_open=threading.Event())
    seen: list[BaseException] = []

    def work(place: Container) -> None:
        try:
            run(place, ["pg_dump"], timeout_seconds=60)
        except KeyboardInterrupt as error:
            seen.append(error)

    with container(tmp_path, script) as place:
        thread = threading.Thread(target=work, args=(place,))
        with interruption.stopping():
            thread.start()
            thread.join(timeout=20)
    assert len(seen) == 1
