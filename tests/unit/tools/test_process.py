"""The one door to other programs: real children, ended in every way there is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.errors import ToolFailed, ToolMissing, ToolTimeout
from alt_backup_assets.tools import process

MINUTE = 60.0


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie has ended and only waits for its parent


@pytest.mark.parametrize("code", [0, 1, 3, 130, 255])
def test_every_exit_code_is_returned(code: int) -> None:
    """The caller has the table; none raises here."""
    assert process.run(_python(f"exit({code})"), timeout_seconds=MINUTE).exit_code == code


def test_a_death_by_signal_is_a_negative_exit_code() -> None:
    """A killed program is told from one that exits."""
    done = process.run(_python("import os; os.kill(os.getpid(), 9)"), timeout_seconds=MINUTE)
    assert done.exit_code == -9


def test_output_is_collected_or_given_to_a_sink() -> None:
    """With a sink nothing is kept in memory."""
    code = "print('x' * 200_000, end='')"
    assert process.run(_python(code), timeout_seconds=MINUTE).stdout == b"x" * 200_000
    pieces: list[bytes] = []
    done = process.run(_python(code), timeout_seconds=MINUTE, stdout=pieces.append)
    assert done.stdout == b""
    assert b"".join(pieces) == b"x" * 200_000
    assert len(pieces) > 1


def test_all_of_stdin_arrives_while_output_flows() -> None:
    """More than a pipe holds goes in and comes out without a standstill."""
    data = os.urandom(3_000_000)
    code = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    assert process.run(_python(code), timeout_seconds=MINUTE, stdin=data).stdout == data


def test_a_program_need_not_read_its_stdin() -> None:
    """Its exit code tells, not the broken pipe."""
    done = process.run(_python("exit(4)"), timeout_seconds=MINUTE, stdin=b"x" * 3_000_000)
    assert done.exit_code == 4


def test_stdin_is_empty_and_closed_by_default() -> None:
    """A program that would ask gets an end of file, and no terminal to ask on."""
    code = """
import sys
print(repr(sys.stdin.read()))
try:
    open("/dev/tty")
except OSError:
    print("no terminal")
"""
    done = process.run(_python(code), timeout_seconds=MINUTE)
    assert done.stdout == b"''\nno terminal\n"


def test_only_the_last_25_lines_of_stderr_are_kept() -> None:
    """However much it says, the end is what matters."""
    code = "import sys; [print(f'line {n}', file=sys.stderr) for n in range(10_000)]"
    lines = process.run(_python(code), timeout_seconds=MINUTE).stderr_tail.splitlines()
    assert lines == [f"line {n}" for n in range(9_975, 10_000)]


def test_words_that_are_no_text_do_not_break_the_tail() -> None:
    """Foreign bytes are replaced, and the exit code still comes."""
    code = r"import sys; sys.stderr.buffer.write(b'caf\xe9\n'); exit(2)"
    done = process.run(_python(code), timeout_seconds=MINUTE)
    assert (done.exit_code, done.stderr_tail) == (2, "caf\ufffd")


def test_a_time_out_kills_the_whole_group(tmp_path: Path) -> None:
    """The child's own children go with it."""
    pid_file = tmp_path / "pid"
    code = 'sleep 600 & echo $! >"$1"; sleep 600'
    with pytest.raises(ToolTimeout, match="did not end within 2 s"):
        process.run(["sh", "-c", code, "sh", str(pid_file)], timeout_seconds=2)
    grandchild = int(pid_file.read_text())
    assert _wait_until(lambda: not _is_running(grandchild))


def test_a_program_that_closes_its_output_is_still_timed() -> None:
    """Silence is no end."""
    code = "import os, time; os.close(1); time.sleep(600)"
    with pytest.raises(ToolTimeout):
        process.run(_python(code), timeout_seconds=0.5)


def test_a_program_that_is_in_time_is_not_stopped() -> None:
    """The limit is a limit, not a delay."""
    started = time.monotonic()
    assert process.run(["true"], timeout_seconds=MINUTE).exit_code == 0
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("kind", ["nowhere", "not executable"])
def test_a_missing_program_is_missing(tmp_path: Path, kind: str) -> None:
    """A name that cannot be started is named."""
    path = tmp_path / "program"
    if kind == "not executable":
        path.write_text("#!/bin/sh\n")
    with pytest.raises(ToolMissing, match=str(path)):
        process.run([str(path)], timeout_seconds=MINUTE)


def test_the_environment_is_a_short_list_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of ours leaks into a child, unless it is asked for."""
    monkeypatch.setenv("RESTIC_PASSWORD", "secret")
    code = "import os; print(sorted(os.environ))"
    seen = process.run(_python(code), timeout_seconds=MINUTE).stdout.decode()
    assert "RESTIC_PASSWORD" not in seen
    assert "PATH" in seen
    extra = process.environment({"TZ": "UTC"})
    assert "'TZ'" in process.run(_python(code), timeout_seconds=MINUTE, env=extra).stdout.decode()


def test_the_working_directory_can_be_chosen(tmp_path: Path) -> None:
    """A program runs where it is told to."""
    done = process.run(["pwd"], timeout_seconds=MINUTE, cwd=tmp_path)
    assert done.stdout.decode().strip() == str(tmp_path)


def test_a_failure_is_worded_with_name_code_and_last_words() -> None:
    """Without words it says that there were none; without a code only that it ended."""
    assert process.failure("/usr/bin/pg_dump", 1, "no role\n") == "pg_dump exited with 1: no role"
    assert process.failure("psql", None, "") == "psql ended: it said nothing"


# Sessions

ECHO = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)"


def test_a_session_is_talked_to_line_by_line() -> None:
    """What is written is answered, in order."""
    with process.open_session(_python(ECHO)) as session:
        session.write(b"one\ntwo\n")
        assert session.read_line(timeout_seconds=MINUTE) == b"got one"
        assert session.read_line(timeout_seconds=MINUTE) == b"got two"


def test_a_session_that_is_silent_times_out() -> None:
    """No whole line in time is an error, and the line can still come later."""
    code = "import time; print('ha', end='', flush=True); time.sleep(1); print('lf', flush=True)"
    with process.open_session(_python(code)) as session:
        with pytest.raises(ToolTimeout):
            session.read_line(timeout_seconds=0.5)
        assert session.read_line(timeout_seconds=MINUTE) == b"half"


def test_a_session_that_ended_says_how() -> None:
    """Reading from it raises with its exit code and its last words."""
    code = "import sys; print('no such database', file=sys.stderr); exit(2)"
    with process.open_session(_python(code)) as session:
        with pytest.raises(ToolFailed, match="no such database") as caught:
            session.read_line(timeout_seconds=MINUTE)
        assert caught.value.exit_code == 2


def test_writing_to_a_session_that_ended_says_how() -> None:
    """A broken pipe is worded as the program's end."""
    with process.open_session(_python("exit(3)")) as session:
        assert session._child.wait(timeout=MINUTE) == 3
        with pytest.raises(ToolFailed) as caught:
            session.write(b"hello\n")
        assert caught.value.exit_code == 3


def test_leaving_a_session_ends_its_group() -> None:
    """Nothing it started goes on."""
    code = """
import subprocess, time
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
time.sleep(600)
"""
    with process.open_session(_python(code)) as session:
        grandchild = int(session.read_line(timeout_seconds=MINUTE))
    assert _wait_until(lambda: not _is_running(grandchild))


def test_a_session_of_a_missing_program_is_missing(tmp_path: Path) -> None:
    """The same error as for a run."""
    missing = str(tmp_path / "psql")
    with pytest.raises(ToolMissing), process.open_session([missing]):
        pytest.fail("it started")


def test_a_grandchild_that_holds_the_pipe_does_not_outlive_the_time_limit() -> None:
    """A child that ended and left another holding its output: the other is killed too."""
    marker = f"86399.{os.getpid()}"
    with pytest.raises(ToolTimeout):
        process.run(["sh", "-c", f"sleep {marker} & exit 0"], timeout_seconds=0.5)
    left = process.run(["pgrep", "-f", f"^sleep {marker}$"], timeout_seconds=5)
    assert left.exit_code == 1, left.stdout
