"""A made-up benchmark whose numbers are easy to follow."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.result import (
    BARE,
    BARE_SAME_FLAGS,
    BY_HAND,
    PRODUCT,
    RECOMMENDED,
    SAME_FLAGS,
    UNCOMPRESSED,
    Benchmark,
    Experiment,
    Machine,
    Run,
    Sample,
)


def run(
    experiment: Experiment, contender: str, number: int, wall_seconds: float, **more: float | None
) -> Run:
    """Return a run that took so long; ``volumes`` and fields of the sample by name."""
    volumes = more.pop("volumes", None)
    sample = Sample.model_validate({"wall_seconds": wall_seconds, **more})
    count = None if volumes is None else int(volumes)
    return Run(
        experiment=experiment, contender=contender, round=number, sample=sample, volumes=count
    )


def benchmark(*runs: Run, **more: object) -> Benchmark:
    """Return a benchmark of these runs."""
    machine = Machine(
        processor="abacus", cores=2, memory_bytes=2**34, system="Linux 6", load_before=0.1
    )
    values = {
        "started_at": datetime(2026, 11, 24, tzinfo=UTC),
        "duration_seconds": 600.0,
        "size": "medium",
        "rounds": 3,
        "database_bytes": 1_500_000_000,
        "file_bytes": 600_000_000,
        "machine": machine,
        "versions": {"restic": "0.18.0"},
        "notes": (),
        "runs": runs,
    }
    return Benchmark.model_validate({**values, **more})


def good() -> Benchmark:
    """Return one in which every goal is met."""
    return benchmark(
        run("backup", BY_HAND, 1, 100.0),
        run("backup", SAME_FLAGS, 1, 80.0, python_peak_bytes=200_000_000),
        run("backup", RECOMMENDED, 1, 30.0),
        run("backup", BARE, 1, 28.0),
        run("backup", BARE_SAME_FLAGS, 1, 78.0),
        run("verification", BY_HAND, 1, 60.0),
        run("verification", RECOMMENDED, 1, 24.0),
        run("hourly, all changed", RECOMMENDED, 1, 30.0),
        run("hourly, nothing changed", RECOMMENDED, 1, 2.0),
        run("dump of one database", RECOMMENDED, 1, 12.0),
        run("dump of one database", BARE, 1, 10.0),
        run("one big database", RECOMMENDED, 1, 11.0),
        run("one big database", BARE, 1, 10.0),
        run("first day", SAME_FLAGS, 1, 5.0, grown_bytes=100_000_000),
        run("first day", UNCOMPRESSED, 1, 5.0, grown_bytes=90_000_000),
        run("appended day", SAME_FLAGS, 1, 5.0, grown_bytes=60_000_000),
        run("appended day", UNCOMPRESSED, 1, 5.0, grown_bytes=21_000_000),
        run("small volumes", PRODUCT, 1, 9.0, volumes=5, outside_seconds=3.0),
        run("small volumes", PRODUCT, 1, 15.0, volumes=15, outside_seconds=3.5),
        run("small volumes", PRODUCT, 1, 40.0, volumes=45, outside_seconds=5.0),
    )
