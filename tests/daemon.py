"""Dagster's daemon as a program of its own, with its code server. Keep out: what it is to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.dagster_home import MODULE, Home
from tests.dagster_servers import serving

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
    argv = ("dagster._daemon", "run", "-m", MODULE)
    with serving(home.directory, "daemon", home.environment, *argv) as process:
        yield Daemon(process, home.directory / "daemon.log")
