"""Dagster's daemon as a program of its own, with its code server. Keep out: what it is to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.dagster_home import MODULE, Home

_SECONDS = 15


@dataclass(frozen=True)
class Daemon:
    """A daemon that was started.

    Attributes:
        log: What it and its code server say.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Kill it with -9, as a machine without memory does; its code server is not told."""
        self.process.kill()
        self.process.wait(timeout=_SECONDS)


@contextmanager
def running_daemon(home: Home) -> Iterator[Daemon]:
    """Run the daemon with its code server; both are gone afterwards."""
    log = home.directory / "daemon.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-m", MODULE],
            cwd=home.directory,
            env=home.environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield Daemon(process, log)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group: code servers outlive the daemon otherwise."""
    process.terminate()
    try:
        process.wait(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
