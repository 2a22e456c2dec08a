"""``make bench-scale``: makes the sites, times what is waited for, prints a table and JSON.

The goals are those of the project; nothing fails where one is missed, since the time of a machine
that does something else as well says nothing. Look at the ratio, and run it again.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from alt_backup_assets.site import open_site
from benchmarks.scale.history import make_history
from benchmarks.scale.measure import Timed, command, median, probe
from benchmarks.scale.repository import Repository
from benchmarks.scale.site import write_site

VOLUMES, DAYS = 200, 50
"""10,000 snapshots in each repository."""
PROOFS_A_DAY = 2
FEW, SOME = 15, 60
"""Volumes of the daily jobs that the largest one is compared with."""
RUNS = 3


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What is waited for.
        value: What was measured.
        goal: What it is to be at most.
        unit: Of both.
        cpu_seconds: Of the whole process and of what it started: on a machine that does something
            else as well this says more. None where it is of no interest.
        peak_mib: Memory of the process; None where that is of no interest.
    """

    what: str
    value: float
    goal: float
    unit: str = "s"
    cpu_seconds: float | None = None
    peak_mib: float | None = None


def rows(room: Path, volumes: int, days: int) -> Iterator[Row]:
    """Make each site and time what it is for.

    Args:
        room: An empty directory.
        volumes: How many a site has.
        days: Snapshots of each volume in the site with the long history.
    """
    short = write_site(room / "short", volumes)
    make_history(open_site(short), days=2, proofs_a_day=1)
    yield _row(f"definitions of {volumes} volumes, from nothing", _often("load", short), 3)
    yield _row(f"status, {volumes} volumes", _status(short), 2)
    yield _inner(f"drill sensor, {volumes} volumes", _often("sensor", short), 2)
    long = write_site(room / "long", volumes)
    make_history(open_site(long), days=days, proofs_a_day=PROOFS_A_DAY)
    _require_sound(long, volumes * days)
    many = f"{volumes * days:,} snapshots, {volumes * days * PROOFS_A_DAY:,} proofs"
    yield _row(f"status, {many}", _status(long), 5)
    yield _inner(f"drill sensor, {many}", _often("sensor", long), 5)
    page = room / "page.html"
    yield _row(f"morning page, {many}", command(long, "report", "--output", str(page)), 3)
    yield Row("its size", page.stat().st_size / 2**20, 2, "MiB")
    yield from _jobs(room, volumes)


def _jobs(room: Path, volumes: int) -> Iterator[Row]:
    few, *more = sorted({min(number, volumes) for number in (FEW, SOME, volumes)})
    first = _job(room, few)
    yield _inner(f"daily job without the tools, {few} volumes", first, 10)
    for number in more:
        larger = _job(room, number)
        each = (float(larger.said) - float(first.said)) / (number - few)
        yield replace(_row(f"each further volume, up to {number}", larger, 0.1), value=each)


def _job(room: Path, volumes: int) -> Timed:
    directory = room / f"job-{volumes}"
    try:
        return probe("job", write_site(directory, volumes, databases=False))
    finally:
        shutil.rmtree(directory)


def _status(config: Path) -> Timed:
    return median([command(config, "status") for _ in range(RUNS)])


def _often(name: str, config: Path) -> Timed:
    return median([probe(name, config) for _ in range(RUNS)])


def _row(what: str, timed: Timed, goal: float) -> Row:
    return Row(what, timed.seconds, goal, cpu_seconds=timed.cpu_seconds, peak_mib=timed.peak_mib)


def _inner(what: str, timed: Timed, goal: float) -> Row:
    return replace(_row(what, timed, goal), value=float(timed.said))


def _require_sound(config: Path, snapshots: int) -> None:
    """Have restic itself check what was written for it."""
    site = open_site(config)
    place = site.config.repositories.local
    cache = site.state / "restic-cache"
    repository = Repository(site.config.restic, Path(place.url), place.password_file, cache)
    repository.restic("check")
    assert len(json.loads(repository.restic("snapshots"))) > snapshots


def _table(found: list[Row]) -> str:
    lines = ["| what | measured | goal | CPU | memory |", "|---|--:|--:|--:|--:|"]
    for row in found:
        memory = f"{row.peak_mib:.0f} MiB" if row.peak_mib else ""
        cpu = f"{row.cpu_seconds:.1f} s" if row.cpu_seconds else ""
        measured, goal = f"{row.value:.2f} {row.unit}", f"{row.goal:g} {row.unit}"
        lines.append(f"| {row.what} | {measured} | {goal} | {cpu} | {memory} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the JSON where asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--volumes", type=int, default=VOLUMES)
    parser.add_argument("--days", type=int, default=DAYS)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="alt-backup-scale-") as room:
        found = list(rows(Path(room), arguments.volumes, arguments.days))
    sys.stdout.write(f"{_table(found)}\n")
    if arguments.json:
        restic = subprocess.run(("restic", "version"), check=True, capture_output=True, text=True)
        machine = {"python": platform.python_version(), "restic": restic.stdout.split()[1]}
        values = {"machine": machine, "rows": [asdict(row) for row in found]}
        arguments.json.write_text(f"{json.dumps(values, indent=1)}\n")


if __name__ == "__main__":
    main()
