"""What a benchmark writes down: the machine, and every single sample.

Holds the values that become docs/benchmark.json. Whatever is computed from them is computed
again when it is shown (``figures``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from alt_backup_assets.values import Frozen
from benchmarks.sizes import SizeName

Experiment = Literal[
    "backup",
    "verification",
    "hourly, all changed",
    "hourly, nothing changed",
    "dump of one database",
    "one big database",
    "first day",
    "appended day",
    "scattered day",
    "small volumes",
]

BY_HAND = "by hand"
SAME_FLAGS = "product, same flags"
RECOMMENDED = "product, recommended flags"
UNCOMPRESSED = "product, uncompressed"
PRODUCT = "product"
BARE = "bare tools side by side"
BARE_SAME_FLAGS = "bare tools, same flags"
BORGMATIC = "borgmatic"


class Sample(Frozen):
    """What one run took.

    Attributes:
        wall_seconds: From start to end.
        cpu_seconds: Of its own processes.
        container_cpu_seconds: Of the containers meanwhile.
        read_bytes: What its own processes asked for by read calls: files, pipes, sockets.
        server_read_bytes: The same of the servers in the containers.
        peak_bytes: Most memory all its processes were seen to have together.
        python_peak_bytes: Most memory its Python processes had; None where there were none.
        grown_bytes: What the repository grew by; None where it does not write one.
        outside_seconds: Time in which no tool ran; None where that was not measured.
    """

    wall_seconds: float
    cpu_seconds: float = 0.0
    container_cpu_seconds: float = 0.0
    read_bytes: int = 0
    server_read_bytes: int = 0
    peak_bytes: int = 0
    python_peak_bytes: int | None = None
    grown_bytes: int | None = None
    outside_seconds: float | None = None


class Run(Frozen):
    """One run of one contender.

    Attributes:
        experiment: What was done.
        contender: Who did it.
        round: Which time, from 1; runs of one round were one after the other.
        sample: What it took.
        volumes: How many volumes, where that is varied.
    """

    experiment: Experiment
    contender: str
    round: int
    sample: Sample
    volumes: int | None = None


class Machine(Frozen):
    """Where it ran.

    Attributes:
        processor: Its name.
        cores: How many.
        memory_bytes: How much.
        system: The kernel.
        load_before: Load average of the last minute before anything was started.
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    load_before: float


class Benchmark(Frozen):
    """A whole benchmark.

    Attributes:
        started_at: When, aware UTC.
        duration_seconds: How long all of it took.
        size: The word for its size.
        rounds: How often each contender ran.
        database_bytes: What the servers said the databases take.
        file_bytes: The volumes of files.
        machine: Where it ran.
        versions: Of every tool, by name.
        notes: Sentences about what was not measured, or not in quiet.
        runs: Every sample.
    """

    started_at: datetime
    duration_seconds: float
    size: SizeName
    rounds: int
    database_bytes: int
    file_bytes: int
    machine: Machine
    versions: dict[str, str]
    notes: tuple[str, ...]
    runs: tuple[Run, ...]
