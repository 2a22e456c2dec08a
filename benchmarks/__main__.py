"""``make bench``: everything once through, then the tables, the JSON, the page and the picture."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from types import FrameType
from typing import get_args

import click
from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.daily import daily
from benchmarks.errors import BenchmarkFailed
from benchmarks.growth import growth
from benchmarks.machine import machine, unquiet, versions
from benchmarks.markdown import page
from benchmarks.measure import tree_bytes
from benchmarks.peer import missing
from benchmarks.platform import running_platform
from benchmarks.plot import picture
from benchmarks.result import Benchmark, Run
from benchmarks.sides import hourly, one_big_database, one_dump, small_volumes
from benchmarks.sites import ROOT, Repositories
from benchmarks.sizes import Size, SizeName, size
from benchmarks.table import print_tables

Experiment = Callable[[Bench], Iterator[Run]]

# The last one changes the data.
_EXPERIMENTS: dict[str, Experiment] = {
    "daily": daily,
    "hourly": hourly,
    "dump": one_dump,
    "big": one_big_database,
    "small": small_volumes,
    "growth": growth,
}
_SIDE_ROUNDS = 2
"""The most rounds of every other experiment: medium is to take twenty minutes, not thirty."""

_ROOM = 9
"""Times the data that must be free: the servers', a few dumps and repositories, restores."""


@click.command()
@click.option("--size", "name", type=click.Choice(get_args(SizeName)), default="small")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--only", type=click.Choice(tuple(_EXPERIMENTS)), multiple=True)
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "docs")
def main(name: SizeName, rounds: int, only: tuple[str, ...], output: Path) -> None:
    """Measure the product beside what it replaces; write benchmark.json, .md and .svg."""
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=None if sys.stdout.isatty() else 200)
    try:
        _require_room(size(name))
        benchmark = _measure(console, size(name), rounds, only or tuple(_EXPERIMENTS))
    except BenchmarkFailed as error:
        raise click.ClickException(str(error)) from error
    write(benchmark, output)
    print_tables(console, benchmark)


def write(benchmark: Benchmark, output: Path) -> None:
    """Write the JSON, and the page and the picture made of it."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "benchmark.json").write_text(benchmark.model_dump_json(indent=1) + "\n")
    (output / "benchmark.md").write_text(page(benchmark))
    (output / "benchmark.svg").write_text(picture(benchmark))


def _require_room(chosen: Size) -> None:
    megabytes = sum(each.megabytes for each in chosen.databases)
    megabytes += sum(each.megabytes for each in chosen.files)
    free_megabytes = shutil.disk_usage(gettempdir()).free / 1e6
    if free_megabytes < megabytes * _ROOM:
        raise BenchmarkFailed(
            f"{chosen.name} needs {megabytes * _ROOM:.0f} MB under {gettempdir()}, and"
            f" {free_megabytes:.0f} MB are free; set TMPDIR to another place"
        )


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # the same way out as Ctrl-C


def _measure(console: Console, chosen: Size, rounds: int, names: tuple[str, ...]) -> Benchmark:
    found, started_at, started = machine(), datetime.now(UTC), time.monotonic()
    notes = [note for note in (unquiet(found), missing()) if note]

    def say(line: str) -> None:
        console.print(f"{time.monotonic() - started:7.1f} s  {line}", highlight=False)

    for note in notes:
        console.print(note, style="bold red" if note.startswith("NOT ") else "yellow")
    with _scratch() as root, running_platform(chosen, root / "platform", say) as platform:
        restic = Path(shutil.which("restic") or ROOT / ".venv" / "bin" / "restic")
        repositories = Repositories.prepare(root / "template", restic)
        bench = Bench(platform, repositories, root, rounds, say)
        of_tools = versions(platform, restic)
        file_bytes = tree_bytes(platform.volumes)
        sides = replace(bench, rounds=min(rounds, _SIDE_ROUNDS))
        runs = tuple(
            run for name in names for run in _EXPERIMENTS[name](bench if name == "daily" else sides)
        )
        return Benchmark(
            started_at=started_at,
            duration_seconds=time.monotonic() - started,
            size=chosen.name,
            rounds=rounds,
            database_bytes=platform.database_bytes,
            file_bytes=file_bytes,
            machine=found,
            versions=of_tools,
            notes=tuple(notes),
            runs=runs,
        )


@contextmanager
def _scratch() -> Iterator[Path]:
    root = Path(mkdtemp(prefix="alt-backup-bench-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
