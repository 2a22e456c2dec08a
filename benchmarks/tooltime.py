"""When restic ran: a program that stands before it and writes down start and end of each call.

Holds that program and what is read from its notes. Only restic's time counts as a tool's; so
this is for volumes of files, where nothing else is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sites import Place

_PROGRAM = """\
#!/bin/bash
started=$EPOCHREALTIME
{restic} "$@"
code=$?
printf '%s %s\\n' "$started" "$EPOCHREALTIME" >>{notes}
exit $code
"""


@dataclass(frozen=True)
class Notes:
    """The calls of restic that a place has seen."""

    path: Path

    def spans(self) -> list[tuple[float, float]]:
        """Return start and end of every call, in seconds since the epoch."""
        lines = self.path.read_text().splitlines()
        return [(float(start), float(end)) for start, end in map(str.split, lines)]


def watch(place: Place) -> tuple[Place, Notes]:
    """Return the same place with a restic that takes notes."""
    notes = Notes(place.directory / "restic-calls")
    program = place.directory / "bin" / "restic"
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(restic=place.restic, notes=notes.path))
    program.chmod(0o755)
    return Place(place.directory, program), notes


def covered_seconds(spans: Iterable[tuple[float, float]]) -> float:
    """Return how long at least one of several spans of time lasted."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
