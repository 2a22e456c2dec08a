"""What is shown, in words: the rows of every table, for the terminal and for the page alike.

Holds what a number looks like and which columns there are. Keep out: how a table is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import figures, result
from benchmarks.result import Benchmark, Experiment, Machine, Run

NOTHING = "-"


@dataclass(frozen=True)
class Shown:
    """A table.

    Attributes:
        title: What it is about.
        columns: Their headings; the first is of words, the others are of numbers.
        rows: The same number of texts each.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_TITLES: dict[Experiment, str] = {
    "backup": "Daily backup of everything, first day",
    "verification": "Verification of that backup",
    "dump of one database": "Dump of the big database (the product's has the fingerprint)",
    "one big database": "Daily backup of nothing but the big database",
}
_BASES: dict[Experiment, str] = {
    "backup": result.BY_HAND,
    "verification": result.BY_HAND,
    "dump of one database": result.BARE,
    "one big database": result.BARE,
}


def tables(benchmark: Benchmark) -> Iterator[Shown]:
    """Return every table, the goals last."""
    for experiment, title in _TITLES.items():
        if figures.contenders(benchmark, experiment):
            yield _timed(benchmark, experiment, title)
    yield _hourly(benchmark)
    yield _grown(benchmark)
    yield _small(benchmark)
    yield _goals(benchmark)


def _timed(benchmark: Benchmark, experiment: Experiment, title: str) -> Shown:
    base = _BASES[experiment]
    rows = (
        _row(
            name,
            figures.of(benchmark, experiment, name),
            figures.of(benchmark, experiment, base),
        )
        for name in figures.contenders(benchmark, experiment)
    )
    return Shown(title, _columns(base), tuple(rows))


def _hourly(benchmark: Benchmark) -> Shown:
    hours: dict[Experiment, str] = {
        "hourly, all changed": "every database changed",
        "hourly, nothing changed": "no database changed",
    }
    of = {hour: figures.of(benchmark, hour, result.RECOMMENDED) for hour in hours}
    full = of["hourly, all changed"]
    rows = (_row(said, of[hour], full) for hour, said in hours.items())
    return Shown("Hourly run, recommended flags", _columns("a full one"), tuple(rows))


def _columns(base: str) -> tuple[str, ...]:
    columns = ("contender", "wall", f"ratio to {base}", "CPU", "of it containers")
    more = ("peak memory", "Python's", "read", "read by servers", "repository grew")
    return (*columns, *more)


def _row(name: str, runs: Sequence[Run], base: Sequence[Run]) -> tuple[str, ...]:
    def middle(part: figures.Part) -> float | None:
        return figures.middle(runs, part)

    return (
        name,
        seconds(middle(figures.wall)),
        number(figures.ratio(runs, base)),
        seconds(middle(figures.all_cpu)),
        seconds(middle(lambda sample: sample.container_cpu_seconds)),
        megabytes(middle(lambda sample: sample.peak_bytes)),
        megabytes(middle(lambda sample: sample.python_peak_bytes)),
        megabytes(middle(lambda sample: sample.read_bytes)),
        megabytes(middle(lambda sample: sample.server_read_bytes)),
        megabytes(middle(figures.grown)),
    )


def _grown(benchmark: Benchmark) -> Shown:
    days: tuple[Experiment, ...] = ("first day", "appended day", "scattered day")
    base = {day: figures.of(benchmark, day, result.SAME_FLAGS) for day in days}
    rows = []
    for name in figures.contenders(benchmark, "first day"):
        runs = {day: figures.of(benchmark, day, name) for day in days}
        cells = [megabytes(figures.middle(runs[day], figures.grown)) for day in days]
        ratios = [
            number(figures.ratio_of_sums(runs[day], base[day], figures.grown)) for day in days[1:]
        ]
        rows.append((name, *cells, *ratios))
    columns = (*days, f"appended, ratio to {result.SAME_FLAGS}", "scattered, ratio")
    return Shown("Repository growth a day, a database in use", ("contender", *columns), tuple(rows))


def _small(benchmark: Benchmark) -> Shown:
    rows = tuple(
        (
            str(count),
            seconds(outside),
            seconds(
                figures.middle(
                    figures.of(benchmark, "small volumes", result.PRODUCT, count), figures.wall
                )
            ),
        )
        for count, outside in figures.outside_by_count(benchmark).items()
    )
    return Shown("Daily job on small volumes", ("volumes", "outside restic", "wall"), rows)


def _goals(benchmark: Benchmark) -> Shown:
    rows = tuple(
        (
            goal.name,
            f"≤ {goal.limit:g} {goal.unit}".rstrip(),
            f"{number(goal.value)} {goal.unit}".rstrip(),
            goal.judgement,
            number(goal.bare),
        )
        for goal in figures.goals(benchmark)
    )
    return Shown("Goals", ("goal", "limit", "measured", "judgement", "bare tools"), rows)


def facts(benchmark: Benchmark) -> Iterator[str]:
    """Return the sentences that belong beside the numbers."""
    yield (
        f"{benchmark.started_at:%Y-%m-%d %H:%M} UTC, size {benchmark.size}:"
        f" {benchmark.database_bytes / 1e9:.2f} GB in databases,"
        f" {benchmark.file_bytes / 1e9:.2f} GB of files, {benchmark.rounds} rounds,"
        f" {benchmark.duration_seconds / 60:.0f} minutes in all."
    )
    yield described(benchmark.machine)
    yield ", ".join(f"{name} {version}" for name, version in benchmark.versions.items()) + "."
    if benchmark.size != figures.GOAL_SIZE:
        yield f"The goals are meant for the size {figures.GOAL_SIZE}, and this is not that."
    yield from benchmark.notes


def described(machine: Machine) -> str:
    """Return the sentence that names a machine."""
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB,"
        f" {machine.system}; load average before: {machine.load_before}."
    )


def seconds(value: float | None) -> str:
    """Word a time."""
    return NOTHING if value is None else f"{value:.1f} s"


def megabytes(value: float | None) -> str:
    """Word a size."""
    return NOTHING if value is None else f"{value / 1e6:,.1f} MB"


def number(value: float | None) -> str:
    """Word a ratio."""
    return NOTHING if value is None else f"{value:.2f}"
