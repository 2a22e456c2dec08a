"""``alt-backup signal-test``: whether what is sent arrives where a person would hear of it."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, table
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.signals.signal_path import PathResult, run_signal_path_test
from alt_backup_assets.signals.textfile import write_textfile


class SignalReport(Report):
    """What became of what was sent the last time.

    Attributes:
        paths: Each path.
        sent_at: When what was looked for was sent; None where nothing was sent before.
        next_sent_at: When what the next call will look for was sent.
    """

    paths: tuple[PathResult, ...]
    sent_at: datetime | None
    next_sent_at: datetime


@click.command("signal-test")
@reports
@pass_session
def signal_test(session: Session) -> int:
    """Look for what was sent the last time, and send something new for the next.

    Exit codes: 0 it arrived, 1 it is too early to say or nobody can be asked, 2 it is missing.
    """
    site = session.site()
    result = run_signal_path_test(site)
    if path := site.config.signals.metrics.textfile:
        write_textfile(site, path)
    report = SignalReport(
        verdict=result.verdict,
        paths=result.paths,
        sent_at=result.asked.sent_at if result.asked else None,
        next_sent_at=result.newest.sent_at,
    )
    return answer(session, report, lambda console: _render(console, result.paths))


def _render(console: Console, paths: tuple[PathResult, ...]) -> None:
    table(console, ("path", "seen", "detail"), ((p.path, p.seen, p.detail) for p in paths))
