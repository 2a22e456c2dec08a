"""``alt-backup altctl``: the backups of the former system, listed, verified and restored.

Reading them needs no configuration; only a live volume is found through it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from alt_backup_assets.altctl.cold import write_cold
from alt_backup_assets.altctl.find import Found, find
from alt_backup_assets.altctl.manifest import OldVolume
from alt_backup_assets.altctl.restore import bring, open_sound, require_free
from alt_backup_assets.altctl.verify import Verified, VerifiedVolume
from alt_backup_assets.altctl.verify import verify as verify_backup
from alt_backup_assets.cli.output import Report, answer, line, moment, size, table
from alt_backup_assets.cli.output import verdict as coloured
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.dumps.postgresql.cold_copy import require_shut_down
from alt_backup_assets.restoration.old_backups import restore_live


class ListReport(Report):
    """The backups that were found, the newest last."""

    backups: tuple[Found, ...]


class VerifyReport(Report):
    """How one backup was found.

    Attributes:
        warnings: What is odd without making the backup a bad one.
    """

    directory: str
    created_at: datetime
    warnings: tuple[str, ...]
    volumes: tuple[VerifiedVolume, ...]


class RestoreReport(Report):
    """What was brought back.

    Attributes:
        taken_at: When the old backup of the volume began.
        target: Where it is now; with ``--dry-run``, where it would be.
    """

    volume: str
    filename: str
    taken_at: datetime
    target: str
    dry_run: bool


_directory = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(no_args_is_help=False)
def altctl() -> None:
    """Use backups the former altctl made."""


@altctl.command("list")
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=_directory)
@reports
@pass_session
def list_(session: Session, directories: tuple[Path, ...]) -> int:
    """List the backups in each DIR and one level below it; no data is read."""
    found = find(directories)
    reasons = tuple(f"{each.directory}: {why}" for each in found for why in each.problems)
    if not found:
        places = ", ".join(str(directory) for directory in directories)
        reasons = (f"there is no backup of altctl in {places}",)
    report = ListReport(verdict="FAILED" if reasons else "GOOD", reasons=reasons, backups=found)
    return answer(session, report, lambda console: _render_list(console, found))


@altctl.command()
@click.argument("directory", metavar="DIR", type=_directory)
@reports
@pass_session
def verify(session: Session, directory: Path) -> int:
    """Read a backup from end to end and compare it with its manifest."""
    with progress(f"verifying {directory}") as going:
        verified = verify_backup(directory, notify=lambda name: going.note(f"reading {name}"))
    return answer(session, _of(verified), lambda console: _render_verified(console, verified))


@altctl.command()
@click.argument("volume")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Needed: a dump is what a backup should be.")
@dry_run_option
@reports
@pass_session
def cold(session: Session, *, volume: str, target: Path, force: bool, dry_run: bool) -> int:
    """Copy the files of a stopped PostgreSQL VOLUME into DIR, as the former altctl did.

    For a server that cannot be started. It must have been shut down in good order.
    """
    if not force:
        raise click.UsageError(
            "a cold copy is no dump: say --force if the server cannot be started"
        )
    site = session.site()
    entry = site.registry.volume(volume)
    with site.lock(entry.name), progress(f"copying {volume}") as going:
        if dry_run:
            require_free(target)
            place = require_shut_down(entry, site.platform)
            told = f"{place} would be copied to {target}"
            return answer(session, Report(verdict="GOOD"), lambda console: line(console, told))
        going.note(f"copying and verifying {volume}")
        verified = write_cold(entry, site.platform, target, site.now())
    return answer(session, _of(verified), lambda console: _render_verified(console, verified))


@altctl.command()
@click.argument("directory", metavar="DIR", type=_directory)
@click.argument("volume")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR2",
    help="Bring it into a directory that is empty or not there yet; no live data is touched.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Stop a service that runs and start it again; replace a running server's database.",
)
@dry_run_option
@reports
@pass_session
def restore(
    session: Session,
    *,
    directory: Path,
    volume: str,
    target: Path | None,
    force: bool,
    dry_run: bool,
) -> int:
    """Bring one VOLUME of a backup back, once all of it was verified.

    With --to, a .tar.gz is unpacked and a .dump copied. Without it, a .tar.gz takes the place of
    the live volume in one step, and a .dump is loaded into the database the registry names, as
    one transaction.
    """
    if target and force:
        raise click.UsageError("--force is about live data, and --to touches none")
    with progress(f"restoring {volume}") as going:
        going.note(f"reading {volume} in {directory}")
        if target:
            old, where = _brought(directory, volume, target, dry_run)
        else:
            site = session.site()
            old, where = restore_live(site, directory, volume, force=force, dry_run=dry_run)
    report = RestoreReport(
        verdict="GOOD",
        volume=old.name,
        filename=old.filename,
        taken_at=old.backed_up_at,
        target=where,
        dry_run=dry_run,
    )
    done = "would be" if dry_run else "is"
    told = f"{old.name} of {moment(old.backed_up_at)} {done} in {where}"
    return answer(session, report, lambda console: line(console, told))


def _brought(directory: Path, name: str, target: Path, dry_run: bool) -> tuple[OldVolume, str]:
    backup, volume = open_sound(directory, name)
    require_free(target)
    if not dry_run:
        bring(backup, volume, target)
    return volume, str(target)


def _of(verified: Verified) -> VerifyReport:
    return VerifyReport(
        verdict=verified.verdict,
        reasons=verified.problems,
        directory=verified.directory,
        created_at=verified.created_at,
        warnings=verified.warnings,
        volumes=verified.volumes,
    )


def _render_list(console: Console, found: tuple[Found, ...]) -> None:
    rows = (
        (
            moment(each.created_at),
            each.directory,
            str(each.volumes),
            size(each.size_bytes),
            "yes" if each.complete else "NO",
        )
        for each in found
    )
    table(console, ("created", "directory", "volumes", "size", "complete"), rows)


def _render_verified(console: Console, verified: Verified) -> None:
    rows = (
        (
            volume.name,
            volume.filename,
            size(volume.size_bytes),
            moment(volume.backed_up_at),
            coloured(volume.verdict),
            "; ".join(volume.problems),
        )
        for volume in verified.volumes
    )
    table(console, ("volume", "file", "size", "backed up", "verdict", "problem"), rows)
    for warning in verified.warnings:
        line(console, f"WARNING: {warning}", style="yellow")
