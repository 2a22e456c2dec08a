"""The page docs/scale.md, written from the JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Goal
from benchmarks.machine import unquiet
from benchmarks.markdown import table
from benchmarks.scale.result import Row, Scale
from benchmarks.shown import described

_COLUMNS = ("what", "measured", "goal", "judgement", "CPU", "memory")
_HOW = """\
Made by `make bench-scale`; written from [scale.json](scale.json). A generator writes the sites:
registry, dumps with their records, both repositories, chains of proofs. Each snapshot in them is of
its own; before anything is timed, `restic check` finds both repositories sound. *status* and the
page are whole processes, restic's calls in them; a sensor is timed inside its process, restic's
calls in it too; the daily job runs on volumes of one small file, with repositories that cost
nothing: what is left is Dagster's time and ours. Where a thing is timed three times, the middle
one is shown. CPU is that of the whole process and of all it started.
"""


def page(scale: Scale) -> str:
    """Return the page."""
    return "\n".join(_lines(scale)) + "\n"


def _lines(scale: Scale) -> Iterator[str]:
    yield "# Scale\n"
    if loud := unquiet(scale.machine):
        yield f"**{loud}**\n"
    yield f"{scale.started_at:%Y-%m-%d %H:%M} UTC. {described(scale.machine)}\n"
    yield ", ".join(f"{name} {version}" for name, version in scale.versions.items()) + ".\n"
    yield from table(_COLUMNS, map(_row, scale.rows))
    yield _HOW.rstrip("\n")


def _row(row: Row) -> tuple[str, ...]:
    limit, judgement = "", ""
    if row.goal is not None:
        limit, judgement = f"≤ {row.goal:g} {row.unit}", Goal("", row.goal, row.value).judgement
    return (
        row.what,
        f"{row.value:.2f} {row.unit}",
        limit,
        judgement,
        f"{row.cpu_seconds:.1f} s" if row.cpu_seconds else "",
        f"{row.peak_mib:.0f} MiB" if row.peak_mib else "",
    )
