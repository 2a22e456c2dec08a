"""How answers look: one JSON object, or a table; and how errors are told.

Holds the words and colours all verbs share. Whatever comes from outside is printed as text,
never as markup. Keep out: what any one verb answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TextIO

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alt_backup_assets.cli.session import Session
from alt_backup_assets.values import Frozen

GOOD, WARNING, FAILED = 0, 1, 2
WRONG_USAGE = 64
INTERRUPTED = 130

_STYLES = {
    "GOOD": "bold green",
    "PROVEN": "bold green",
    "RESTORED": "bold green",
    "PLANNED": "bold green",
    "WARNING": "bold yellow",
    "DRIFT": "bold red",
    "CRITICAL": "bold red",
    "FAILED": "bold red",
}
_CODES = {
    **dict.fromkeys(("GOOD", "PROVEN", "RESTORED", "PLANNED"), GOOD),
    "WARNING": WARNING,
}
_PIPE_COLUMNS = 240
_LONG = ("volume", "service", "taken from", "error", "problem", "detail")
"""Columns that may take several lines on a narrow terminal."""
_LONG_COLUMNS = 16
_GAP = 2
_KIB = 1024

Cell = str | Text | None


class Report(Frozen):
    """What a verb answers; verbs add their own fields.

    Attributes:
        verdict: GOOD or PROVEN, WARNING, anything else is a failure.
        reasons: Sentences about the whole; those about one volume stand with it.
    """

    verdict: str
    reasons: tuple[str, ...] = ()


def answer(
    session: Session, report: Report, render: Callable[[Console], object] | None = None
) -> int:
    """Print a verb's answer, once.

    Args:
        session: Knows whether JSON is wanted.
        report: What is printed as JSON.
        render: Prints the same for people; verdict and reasons are added below it.

    Returns:
        The exit code that belongs to the verdict.
    """
    if session.as_json:
        print_json(session, report)
    else:
        console = stdout()
        if render:
            render(console)
        for reason in report.reasons:
            line(console, reason)
        console.print(verdict(report.verdict))
        session.answered = True
    return _CODES.get(report.verdict, FAILED)


def print_json(session: Session, value: Frozen) -> None:
    """Print the one JSON object of a call."""
    session.answered = True
    click.echo(value.model_dump_json(indent=2, by_alias=True))


def stdout() -> Console:
    """Return what prints answers; a pipe gets whole lines."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Return what prints progress and errors."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _PIPE_COLUMNS
    return Console(file=stream, width=width, highlight=False)


def line(console: Console, text: str, style: str = "") -> None:
    """Print a line that the terminal may wrap, and nobody else does."""
    console.print(Text(text, style=style), soft_wrap=True)


def table(console: Console, columns: Sequence[str], rows: Iterable[Iterable[Cell]]) -> None:
    """Print a table; nothing to show is a dash, and nothing shown is ever cut off."""
    texts = [[c if isinstance(c, Text) else Text(c or "-") for c in row] for row in rows]
    made = Table(box=box.SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    needed = 0
    for number, column in enumerate(columns):
        longest = max((len(row[number]) for row in texts), default=0)
        needed += _GAP + (_LONG_COLUMNS if column in _LONG else max(longest, len(column)))
        made.add_column(column, overflow="fold", no_wrap=column not in _LONG)
    for row in texts:
        made.add_row(*row)
    console.width = max(console.width, needed)  # a narrower terminal wraps the lines itself
    console.print(made)


def verdict(word: str) -> Text:
    """Return a verdict in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def short(snapshot: str | None) -> str | None:
    """Return the first digits of a snapshot's id, as restic prints them."""
    return snapshot[:8] if snapshot else None


def size(size_bytes: int | None) -> str | None:
    """Return a size as people read it."""
    if size_bytes is None:
        return None
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    scaled, units = float(size_bytes), ["KiB", "MiB", "GiB", "TiB"]
    while (scaled := scaled / _KIB) >= _KIB and len(units) > 1:
        units.pop(0)
    return f"{scaled:.1f} {units[0]}"


def moment(time: datetime | None) -> str | None:
    """Return a time to the minute; everything here is UTC."""
    return time.strftime("%Y-%m-%d %H:%MZ") if time else None
