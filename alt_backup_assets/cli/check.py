"""``alt-backup check``: whether the repositories are sound."""

from __future__ import annotations

import re
from datetime import datetime

import click

from alt_backup_assets.cli.output import Report, answer, line
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.cli.signalled import signalled
from alt_backup_assets.errors import RepositoryError, ToolError
from alt_backup_assets.verification import repository_check


class CheckReport(Report):
    """How the check ended.

    Attributes:
        read_data_subset: The part of the data that was read, as n/t; None where it failed.
    """

    read_data_subset: str | None = None
    checked_at: datetime | None = None


def _subset(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", value)
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter("must be n/t, such as 2/7: the second of seven parts")
    return value


@click.command()
@click.option(
    "--read-data-subset",
    "subset",
    metavar="N/T",
    callback=_subset,
    help="The part of the data to read; otherwise the next one.",
)
@reports
@pass_session
def check(session: Session, subset: str | None) -> int:
    """Check the local repository's structure and a part of its data, and offsite if configured."""
    site = session.site()
    try:
        with (
            progress(f"checking {site.local.url}") as going,
            signalled(site, "check", going, None) as call,
        ):
            going.note(f"checking {site.local.url}")
            result = (
                repository_check.check(site, subset=subset)
                if subset
                else repository_check.check_all(site)[0]
            )
            call.ended("of the repositories", None)
    except (RepositoryError, ToolError) as error:
        return answer(session, CheckReport(verdict="FAILED", reasons=(str(error),)))
    report = CheckReport(
        verdict="GOOD", read_data_subset=result.subset, checked_at=result.checked_at
    )
    told = f"structure and part {result.subset} of the data are sound"
    return answer(session, report, lambda console: line(console, told))
