"""What ``make bench-scale`` writes down: the values of docs/scale.json."""

from __future__ import annotations

from datetime import datetime

from alt_backup_assets.values import Frozen
from benchmarks.result import Machine


class Row(Frozen):
    """One thing that is waited for.

    Attributes:
        what: That thing.
        value: What was measured.
        goal: What it is to be at most; None where it is only to be there.
        unit: Of both.
        cpu_seconds: Of the whole process and of what it started: on a machine that does something
            else as well this says more. None where it is of no interest.
        peak_mib: Memory of the process; None where that is of no interest.
    """

    what: str
    value: float
    goal: float | None = None
    unit: str = "s"
    cpu_seconds: float | None = None
    peak_mib: float | None = None


class Scale(Frozen):
    """A whole run.

    Attributes:
        machine: Where it ran.
        versions: Of what ran, by its name.
        started_at: When it began.
        rows: What was measured, in order.
    """

    machine: Machine
    versions: dict[str, str]
    started_at: datetime
    rows: tuple[Row, ...]
