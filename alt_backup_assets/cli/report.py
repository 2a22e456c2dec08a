"""``alt-backup report``: the page an operator opens in the morning."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from alt_backup_assets.cli.output import Report, answer, line
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.errors import VolumeBusy
from alt_backup_assets.report.read import DAYS
from alt_backup_assets.report.write import write_report

_MOST_DAYS = 90


class PageReport(Report):
    """Whether the page was written; its own verdict is what the status says.

    Attributes:
        path: Where it is; None where it could not be written.
        made_at: The moment it speaks of.
        page_verdict: The verdict on the page.
    """

    path: Path | None = None
    made_at: datetime | None = None
    page_verdict: str | None = None


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it to this file instead of the state directory.",
)
@click.option(
    "--days",
    type=click.IntRange(1, _MOST_DAYS),
    default=DAYS,
    show_default=True,
    help="Backup days the grid shows.",
)
@reports
@pass_session
def report(session: Session, output: Path | None, days: int) -> int:
    """Write one self-contained HTML page: verdict, last days, ages, sizes, drills.

    The exit code tells whether it was written; `alt-backup status` has the verdict's own.
    """
    try:
        written = write_report(session.site(), output=output, days=days)
    except (OSError, VolumeBusy) as error:
        failed = PageReport(verdict="FAILED", reasons=(f"the page was not written: {error}",))
        return answer(session, failed, lambda _console: None)
    status = written.report.status
    done = PageReport(
        verdict="GOOD",
        reasons=status.reasons,
        path=written.path,
        made_at=status.checked_at,
        page_verdict=status.verdict,
    )
    said = f"{written.path} says {status.verdict}"
    return answer(session, done, lambda console: line(console, said))
