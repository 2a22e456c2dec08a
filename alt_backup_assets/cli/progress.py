"""Tells on stderr what is going on: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from alt_backup_assets.cli.output import line, stderr


class Going:
    """Something that takes its time.

    Attributes:
        lines: What was told so far.
    """

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Print a line; any thread may."""
        self._print(text)

    def warn(self, text: str) -> None:
        """Print a line that stands out."""
        self._print(f"warning: {text}", style="yellow")

    def done(self, volume: str, error: str | None) -> None:
        """Count a volume that has ended, and print why it failed if it did."""
        if error:
            self._print(f"{volume}: FAILED: {error}", style="red")
        self._bar.advance(self._task)

    def _print(self, text: str, style: str = "") -> None:
        self.lines.append(text)
        line(self._bar.console, text, style=style)


@contextmanager
def progress(what: str, *, total: int | None = None) -> Iterator[Going]:
    """Show that something is going on until the context is left.

    Args:
        what: Such as ``backing up``.
        total: How many volumes there are to end; None where nobody can count.
    """
    console = stderr()
    counted = (BarColumn(bar_width=20), MofNCompleteColumn()) if total else ()
    text = TextColumn("{task.description}", markup=False)
    with Progress(
        SpinnerColumn(),
        text,
        *counted,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        yield Going(bar, bar.add_task(what, total=total))


@contextmanager
def retries_told() -> Iterator[None]:
    """Say on stderr what is tried again; stamina's own log lines may go to stdout."""
    set_on_retry_hooks([_told])
    try:
        yield
    finally:
        set_on_retry_hooks(None)


def _told(details: RetryDetails) -> None:
    text = f"trying again in {details.wait_for:.1f} s: {details.caused_by}"
    line(stderr(), text, style="yellow")
