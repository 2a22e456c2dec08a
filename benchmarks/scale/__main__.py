"""``make bench-scale``: makes the sites, times what is waited for, writes scale.json and scale.md.

Nothing fails where a goal is missed, since the time of a machine that does something else as well
says nothing: look at the CPU, and run it again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from alt_backup_assets.site import open_site
from benchmarks.machine import machine, program_versions
from benchmarks.scale.graph import opened_seconds
from benchmarks.scale.history import make_history
from benchmarks.scale.measure import Timed, command, median, probe
from benchmarks.scale.page import page
from benchmarks.scale.repository import Repository
from benchmarks.scale.result import Row, Scale
from benchmarks.scale.site import write_site
from benchmarks.sites import ROOT

VOLUMES, DAYS = 200, 50
"""10,000 snapshots in each repository."""
PROOFS_A_DAY = 2
FEW, SOME = 15, 60
"""Volumes of the daily jobs that the largest one is compared with."""
RUNS = 3


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
    yield Row(
        what=f"graph of {volumes} volumes in Chromium, all drills unfolded",
        value=opened_seconds(short, room / "ui"),
    )
    long = write_site(room / "long", volumes)
    make_history(open_site(long), days=days, proofs_a_day=PROOFS_A_DAY)
    _require_sound(long, volumes * days)
    many = f"{volumes * days:,} snapshots, {volumes * days * PROOFS_A_DAY:,} proofs"
    yield _row(f"status, {many}", _status(long), 5)
    yield _inner(f"drill sensor, {many}", _often("sensor", long), 5)
    morning = room / "page.html"
    yield _row(f"morning page, {many}", command(long, "report", "--output", str(morning)), 3)
    yield Row(what="its size", value=morning.stat().st_size / 2**20, goal=2, unit="MiB")
    yield from _jobs(room, volumes)


def _jobs(room: Path, volumes: int) -> Iterator[Row]:
    few, *more = sorted({min(number, volumes) for number in (FEW, SOME, volumes)})
    first = _job(room, few)
    yield _inner(f"daily job without the tools, {few} volumes", first, 10)
    for number in more:
        larger = _job(room, number)
        each = (float(larger.said) - float(first.said)) / (number - few)
        what = f"each further volume, up to {number}"
        yield Row(what=what, value=each, goal=0.1, peak_mib=larger.peak_mib)


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
    return Row(
        what=what,
        value=timed.seconds,
        goal=goal,
        cpu_seconds=timed.cpu_seconds,
        peak_mib=timed.peak_mib,
    )


def _inner(what: str, timed: Timed, goal: float) -> Row:
    return _row(what, timed, goal).model_copy(update={"value": float(timed.said)})


def _require_sound(config: Path, snapshots: int) -> None:
    """Have restic itself check what was written for it."""
    site = open_site(config)
    place = site.config.repositories.local
    cache = site.state / "restic-cache"
    repository = Repository(site.config.restic, Path(place.url), place.password_file, cache)
    repository.restic("check")
    assert len(json.loads(repository.restic("snapshots"))) > snapshots


@click.command()
@click.option("--volumes", type=click.IntRange(min=1), default=VOLUMES, show_default=True)
@click.option("--days", type=click.IntRange(min=3), default=DAYS, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "docs")
def main(volumes: int, days: int, output: Path) -> None:
    """Measure what hundreds of volumes cost; write scale.json and scale.md."""
    found, started_at = machine(), datetime.now(UTC)
    with TemporaryDirectory(prefix="alt-backup-scale-") as room:
        measured = tuple(rows(Path(room), volumes, days))
    scale = Scale(
        machine=found,
        versions=program_versions(Path("restic")),
        started_at=started_at,
        rows=measured,
    )
    (output / "scale.json").write_text(scale.model_dump_json(indent=1) + "\n")
    (output / "scale.md").write_text(page(scale))
    click.echo(page(scale))


if __name__ == "__main__":
    main()
