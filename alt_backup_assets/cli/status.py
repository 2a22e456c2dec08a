"""``alt-backup status``: what can be relied on right now, and what to do next."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from rich.console import Console
from rich.text import Text

from alt_backup_assets.cli.output import Cell, line, print_json, short, size, stdout, table, verdict
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.site import Site
from alt_backup_assets.status.copies import oldest_copy
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.report import EXIT_CODES, Posture, Status, VolumeStatus
from alt_backup_assets.status.verdict import hours

_WIDE_COLUMNS = 120
"""A narrower terminal gets no columns of what the registry says anyway."""


@click.command()
@reports
@pass_session
def status(session: Session) -> int:
    """Say what can be relied on right now; the exit code is the verdict.

    Reads the repositories and the proofs, never Dagster.
    """
    site = session.site()
    found = read_status(site)
    if session.as_json:
        print_json(session, found)
    else:
        _render(stdout(), site, found)
        session.answered = True
    return EXIT_CODES[found.verdict]


def _render(console: Console, site: Site, found: Status) -> None:
    rows = [_row(volume, found) for volume in found.volumes]
    columns = [
        column
        for column in (rows[0] if rows else ())
        if console.width >= _WIDE_COLUMNS or column not in {"service", "engine"}
    ]
    table(console, columns, ([row[column] for column in columns] for row in rows))
    console.print()
    for reason in found.reasons:
        line(console, reason)
    for step in next_steps(site, found):
        line(console, f"next: {step}", style="bold")
    line(console, _posture(found.posture))
    newest = f", the oldest data is {_age(found.age_seconds)} old" if found.age_seconds else ""
    counted = f"{found.actual_volumes} of {found.expected_volumes} volumes are in the newest set"
    stored = size(found.total_size_bytes) or "an unknown number of bytes"
    line(console, f"{counted}{newest}; the local repository holds {stored}")
    console.print(Text.assemble("verdict: ", verdict(found.verdict)))


def _row(volume: VolumeStatus, found: Status) -> dict[str, Cell]:
    return {
        "volume": volume.name,
        "service": volume.service,
        "engine": volume.engine,
        "verdict": verdict(volume.verdict),
        "data age": _age(volume.age_seconds),
        "snapshot": short(volume.latest_snapshot),
        "offsite": short(volume.offsite_snapshot),
        "copy's data age": _since(volume.offsite_snapshot_at, found),
        "proven": short(volume.proven_snapshot),
        "proof age": _since(volume.proven_at, found),
    }


def _age(seconds: int | None) -> str | None:
    return None if seconds is None else hours(timedelta(seconds=seconds))


def _since(moment: datetime | None, found: Status) -> str | None:
    return None if moment is None else hours(found.checked_at - moment)


def next_steps(site: Site, found: Status) -> tuple[str, ...]:
    """Return the commands that put right what is wrong, in their order.

    Args:
        site: Knows each volume's objective.
        found: The status.
    """
    wrong = [volume for volume in found.volumes if volume.verdict != "GOOD"]
    old = [volume.name for volume in wrong if _is_old(site, volume)]
    rest = [volume for volume in wrong if volume.name not in old]
    drills = [v.name for v in rest if v.proven_snapshot != v.latest_snapshot or v.proven_at is None]
    again = [volume.name for volume in rest if volume.name not in drills]
    uncopied = any(_is_uncopied(site, volume, found) for volume in found.volumes)
    included = " ".join(f"--include {name}" for name in (*old, *again))
    proved = " ".join((*old, *again, *drills))
    return (
        *([f"alt-backup backup {included}"] if included else ()),
        *([f"alt-backup drill {proved}"] if proved else ()),
        *(["alt-backup offsite"] if site.offsite and uncopied else ()),
    )


def _is_old(site: Site, volume: VolumeStatus) -> bool:
    warn = site.registry.volume(volume.name).rpo.warn
    return volume.age_seconds is None or volume.age_seconds > warn.total_seconds()


def _is_uncopied(site: Site, volume: VolumeStatus, found: Status) -> bool:
    """Tell whether there is no copy, or one whose data is older than the schedules explain."""
    limit, copied_at = oldest_copy(site.config.schedules), volume.offsite_snapshot_at
    return copied_at is None or found.checked_at - copied_at > limit


def _posture(posture: Posture) -> str:
    return (
        f"3-2-1-1-0: {posture.copies} copies, {posture.media} media, "
        f"{'one' if posture.offsite else 'none'} offsite, "
        f"{'one' if posture.undeletable else 'none'} undeletable, {posture.unproven} unproven"
    )
