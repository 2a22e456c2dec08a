"""Processes of this machine are ended by what they work on, and no others are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from alt_backup_assets.platforms import processes as module
from alt_backup_assets.platforms.processes import end_processes_in, end_processes_on

Started = subprocess.Popen[bytes]


@pytest.fixture(name="processes")
def _processes(tmp_path: Path) -> Iterator[dict[str, Started]]:
    ways: dict[str, tuple[tuple[str, ...], Path]] = {
        "on": (("--", str(tmp_path / "staging")), Path("/")),
        "near": (("--", str(tmp_path / "staging2")), Path("/")),
        "naming": ((str(tmp_path / "staging"), "--", "other"), Path("/")),
        "in": ((), tmp_path),
    }
    with ExitStack() as opened:
        started = {}
        for name, (arguments, where) in ways.items():
            argv = ["sh", "-c", "echo up; while :; do sleep 0.05; done", "sh", *arguments]
            process = subprocess.Popen(argv, cwd=where, stdout=subprocess.PIPE)
            opened.enter_context(process)
            opened.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            started[name] = process
        yield started


def ended(processes: dict[str, Started]) -> set[str]:
    """Return those that have ended."""
    return {name for name, process in processes.items() if process.poll() is not None}


def test_those_started_on_a_path_end(tmp_path: Path, processes: dict[str, Started]) -> None:
    """It must be the last argument, behind `--`, to the letter: so restic is given one."""
    end_processes_on(tmp_path / "staging")
    assert ended(processes) == {"on"}


def test_those_in_a_directory_end(tmp_path: Path, processes: dict[str, Started]) -> None:
    """Their working directory counts, not what they were given."""
    end_processes_in(tmp_path)
    assert ended(processes) == {"in"}


def test_one_that_ends_before_it_can_be_asked_is_no_failure(
    tmp_path: Path, processes: dict[str, Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's own children end by themselves while it is being ended: the aim is reached."""
    looked = module._works_in

    def ends_after_the_look(pid: int, directory: Path) -> bool:
        works_there = looked(pid, directory)
        if works_there:
            processes["in"].kill()
            processes["in"].wait()
        return works_there

    monkeypatch.setattr(module, "_works_in", ends_after_the_look)
    end_processes_in(tmp_path)
    assert ended(processes) == {"in"}
