"""Medians, ratios, and whether a goal is met: what is computed from the samples.

Pure functions of a ``Benchmark``. A ratio is taken inside a round, where both ran one after the
other, and the median of the rounds is told: a machine that is slower for a while is so for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import result
from benchmarks.result import Benchmark, Experiment, Run, Sample

Part = Callable[[Sample], float | None]
"""Takes one number out of a sample."""

GOAL_SIZE = "medium"
"""The size the goals are meant for."""


def wall(sample: Sample) -> float:
    """Return the time from start to end."""
    return sample.wall_seconds


def all_cpu(sample: Sample) -> float:
    """Return the CPU time of processes and containers together."""
    return sample.cpu_seconds + sample.container_cpu_seconds


def grown(sample: Sample) -> float | None:
    """Return what the repository grew by."""
    return sample.grown_bytes


def values(runs: Sequence[Run], part: Part) -> list[float]:
    """Return one number of every run that has it."""
    return [value for run in runs if (value := part(run.sample)) is not None]


def middle(runs: Sequence[Run], part: Part) -> float | None:
    """Return the median of one number; None where no run has it."""
    found = values(runs, part)
    return median(found) if found else None


def of(
    benchmark: Benchmark, experiment: Experiment, contender: str, volumes: int | None = None
) -> list[Run]:
    """Return the runs of a contender in an experiment."""
    return [
        run
        for run in benchmark.runs
        if (run.experiment, run.contender, run.volumes) == (experiment, contender, volumes)
    ]


def contenders(benchmark: Benchmark, experiment: Experiment) -> list[str]:
    """Return who ran in an experiment, in the order of their first run."""
    ran = (run.contender for run in benchmark.runs if run.experiment == experiment)
    return list(dict.fromkeys(ran))


def ratio(runs: Sequence[Run], base: Sequence[Run], part: Part = wall) -> float | None:
    """Return the median of the rounds' ratios; None where no round has both."""
    below = {run.round: part(run.sample) for run in base}
    found = [
        value / under
        for run in runs
        if (value := part(run.sample)) is not None and (under := below.get(run.round))
    ]
    return median(found) if found else None


def ratio_of_sums(runs: Sequence[Run], base: Sequence[Run], part: Part) -> float | None:
    """Return what all runs took together by what the others took; None where a side is empty."""
    above, below = (sum(values(side, part)) for side in (runs, base))
    return above / below if above and below else None


def per_volume(benchmark: Benchmark) -> float | None:
    """Return by how many seconds outside the tools one more volume lengthens the daily job.

    It is the slope from the fewest to the most volumes; None where there are not two numbers.
    """
    by_count = outside_by_count(benchmark)
    if len(by_count) < 2:  # noqa: PLR2004 -- a slope has two ends
        return None
    (fewest, least), *_, (most, longest) = sorted(by_count.items())
    return (longest - least) / (most - fewest)


def outside_by_count(benchmark: Benchmark) -> dict[int, float]:
    """Return the median time outside the tools by number of volumes."""
    counts = sorted({run.volumes for run in benchmark.runs if run.volumes is not None})
    found = {
        count: middle(
            of(benchmark, "small volumes", result.PRODUCT, count),
            lambda sample: sample.outside_seconds,
        )
        for count in counts
    }
    return {count: value for count, value in found.items() if value is not None}


def python_peak(benchmark: Benchmark) -> float | None:
    """Return the most memory any run's Python processes had; None where none ran."""
    every = values(benchmark.runs, lambda sample: sample.python_peak_bytes)
    return max(every) if every else None


@dataclass(frozen=True)
class Goal:
    """A number that is to be reached.

    Attributes:
        name: What it is about.
        limit: The most it may be.
        value: What was measured; None where it was not.
        unit: Empty for a ratio.
        bare: What the bare tools reach in the same run; None where they cannot be compared.
    """

    name: str
    limit: float
    value: float | None
    unit: str = ""
    bare: float | None = None

    @property
    def is_met(self) -> bool:
        """Tell whether it was measured and reached."""
        return self.value is not None and self.value <= self.limit

    @property
    def judgement(self) -> str:
        """Say how it stands: met, not measured, or missed by how much."""
        if self.value is None:
            return "not measured"
        if self.is_met:
            return "met"
        return f"MISSED by {(self.value / self.limit - 1) * 100:.0f} %"


def goals(benchmark: Benchmark) -> tuple[Goal, ...]:
    """Judge every goal of the issue."""

    def compared(
        experiment: Experiment, contender: str, base: str, other: Experiment | None = None
    ) -> float | None:
        return ratio(of(benchmark, experiment, contender), of(benchmark, other or experiment, base))

    appended = ratio_of_sums(
        of(benchmark, "appended day", result.UNCOMPRESSED),
        of(benchmark, "appended day", result.SAME_FLAGS),
        grown,
    )
    peak = python_peak(benchmark)
    fifteen = outside_by_count(benchmark).get(15)
    by_hand, product = result.BY_HAND, result.RECOMMENDED
    quiet: Experiment = "hourly, nothing changed"
    busy: Experiment = "hourly, all changed"
    return (
        Goal(
            "daily backup, same flags",
            0.85,
            compared("backup", result.SAME_FLAGS, by_hand),
            bare=compared("backup", result.BARE_SAME_FLAGS, by_hand),
        ),
        Goal(
            "daily backup, recommended flags",
            0.38,
            compared("backup", product, by_hand),
            bare=compared("backup", result.BARE, by_hand),
        ),
        Goal("hourly run without a change", 0.10, compared(quiet, product, product, busy)),
        Goal(
            "verification, all content compared",
            0.42,
            compared("verification", product, by_hand),
            bare=compared("verification", result.BARE, by_hand),
        ),
        Goal("dump with fingerprint", 1.25, compared("dump of one database", product, result.BARE)),
        Goal("repository growth, appended rows", 0.45, appended),
        Goal("one big database", 1.15, compared("one big database", product, result.BARE)),
        Goal("time outside the tools, 15 volumes", 10.0, fifteen, "s"),
        Goal("time outside the tools, per volume", 0.1, per_volume(benchmark), "s"),
        Goal("memory of the run's Python", 300.0, peak / 1e6 if peak else None, "MB"),
    )
