"""``alt-backup drift``: the registry against what is declared, there, mounted and in snapshots."""

from __future__ import annotations

import click
from rich.console import Console

from alt_backup_assets.cli.output import GOOD, WARNING, line, print_json, stdout, table, verdict
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.drift.read import read_drift
from alt_backup_assets.drift.report import Drift


@click.command()
@reports
@pass_session
def drift(session: Session) -> int:
    """Compare the registry both ways with what the platform declares, has and mounts.

    Exit codes: 0 no drift, 1 drift, 2 something could not be asked.
    """
    found = read_drift(session.site())
    if session.as_json:
        print_json(session, found)
    else:
        _render(stdout(), found)
        session.answered = True
    return WARNING if found.verdict == "DRIFT" else GOOD


def _render(console: Console, found: Drift) -> None:
    rows = ((volume.name, volume.state, volume.detail) for volume in found.volumes)
    table(console, ("volume", "state", "detail"), rows)
    told = {f"{volume.name}: {volume.detail}" for volume in found.volumes}
    for reason in found.reasons:
        if reason not in told:
            line(console, reason)
    console.print(verdict(found.verdict))
