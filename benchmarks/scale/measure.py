"""Times a program and everything it starts, as an operator waits for it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Timed:
    """One run of a program.

    Attributes:
        seconds: From its start to its end.
        cpu_seconds: Of it and of everything it waited for.
        peak_mib: The most memory its own process took.
        said: Its standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    said: str


def run(argv: Sequence[str]) -> Timed:
    """Run a program of the product to its end.

    Raises:
        RuntimeError: It failed: a failure is no measurement.
    """
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {child.returncode}")
    took = time.perf_counter() - started
    return Timed(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def command(config: Path, *arguments: str) -> Timed:
    """Run ``alt-backup``."""
    return run((sys.executable, "-m", "alt_backup_assets.cli", *arguments, "--config", str(config)))


def probe(name: str, config: Path) -> Timed:
    """Run one of ``probes``; it says what it took itself."""
    return run((sys.executable, "-m", "benchmarks.scale.probes", name, str(config)))


def median(runs: Sequence[Timed]) -> Timed:
    """Return the run whose time is in the middle."""
    middle = statistics.median_low([timed.seconds for timed in runs])
    return next(timed for timed in runs if timed.seconds == middle)
