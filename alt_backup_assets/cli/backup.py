"""``alt-backup backup``: dumps and their snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import get_args

import click
from rich.console import Console

from alt_backup_assets.cli.output import Cell, Report, answer, moment, short, size, table, verdict
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.runless import Reporter
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.cli.signalled import signalled
from alt_backup_assets.dumps.preview import Preview, preview
from alt_backup_assets.registry.volume import Profile, Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.sweep import sweep_first


class VolumeBackup(Frozen):
    """How the backup of one volume ended."""

    name: str
    verdict: str
    dump_id: str | None
    size_bytes: int | None
    snapshot: str | None
    taken_at: datetime | None
    unchanged_at: datetime | None
    error: str | None


class BackupReport(Report):
    """How a backup ended."""

    volumes: tuple[VolumeBackup, ...]


class VolumePlan(Frozen):
    """What a backup of one volume would meet."""

    name: str
    verdict: str
    engine: str
    source: str | None
    last_dump: str | None
    last_size_bytes: int | None
    free_bytes: int
    error: str | None


class BackupPlan(Report):
    """What a backup would do."""

    dry_run: bool = True
    volumes: tuple[VolumePlan, ...]


@click.command()
@click.option("--profile", type=click.Choice(get_args(Profile)), help="db, essential or all.")
@click.option("--include", metavar="VOLUME", multiple=True, help="Add this volume; repeatable.")
@click.option("--exclude", metavar="VOLUME", multiple=True, help="Leave it out; repeatable.")
@click.option(
    "--spare-unchanged",
    is_flag=True,
    help="Take no dump of a server that has not changed since its newest dump of the day.",
)
@dry_run_option
@reports
@pass_session
def backup(
    session: Session,
    *,
    profile: Profile | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    spare_unchanged: bool,
    dry_run: bool,
) -> int:
    """Dump volumes and take their snapshots.

    Without options all planned volumes; with --include alone only those. One that fails never
    stops the others, and makes the exit code 2.
    """
    site = session.site()
    volumes = site.registry.select(profile, include, exclude)
    if dry_run:
        return _plan(session, site, volumes)
    ended = _back_up(site, volumes, spare_unchanged=spare_unchanged)
    report = BackupReport(verdict=_worst(d.error for d in ended), volumes=tuple(map(_told, ended)))
    return answer(session, report, lambda console: _render(console, ended))


def _back_up(
    site: Site, volumes: tuple[Volume, ...], *, spare_unchanged: bool
) -> tuple[BackedUp, ...]:
    names = [volume.name for volume in volumes]
    ended: dict[str, BackedUp] = {}
    part = len(names) < len(site.registry.planned)
    with (
        progress("backing up", total=len(names)) as going,
        signalled(site, "backup", going, "daily", part=part) as call,
        Reporter(site, going.warn) as reporter,
    ):
        sweep_first(site, going.note, going.warn)
        running = back_up(
            site,
            dumps=names,
            snapshots=names,
            day=site.today,
            spare_unchanged=spare_unchanged,
            notify=going.note,
        )
        for done in running:
            ended[done.volume] = done
            going.done(done.volume, done.error)
            reporter.backed_up(done)
        never = "it was not attempted"
        all_ended = tuple(ended.get(name, BackedUp(name, error=never)) for name in names)
        for done in all_ended:
            call.ended(done.volume, done.error)
    return all_ended


def _told(done: BackedUp) -> VolumeBackup:
    record = done.dump.record if done.dump else None
    return VolumeBackup(
        name=done.volume,
        verdict=_worst([done.error]),
        dump_id=record.dump_id if record else None,
        size_bytes=record.size_bytes if record else None,
        snapshot=done.snapshot.snapshot.id if done.snapshot else None,
        taken_at=record.taken_at if record else None,
        unchanged_at=done.dump.unchanged_at if done.dump else None,
        error=done.error,
    )


def _worst(errors: Iterable[str | None]) -> str:
    """Return GOOD if something was attempted and nothing failed."""
    found = list(errors)
    return "GOOD" if found and not any(found) else "FAILED"


def _render(console: Console, ended: Iterable[BackedUp]) -> None:
    columns = ("volume", "verdict", "size", "rows", "seconds", "snapshot", "data of", "error")
    table(console, columns, (_row(done) for done in ended))


def _row(done: BackedUp) -> list[Cell]:
    told = _told(done)
    record = done.dump.record if done.dump else None
    rows = record.content.counts().get("rows") if record else None
    seconds = (record.finished_at - record.taken_at).total_seconds() if record else None
    return [
        told.name,
        verdict(told.verdict),
        size(told.size_bytes),
        None if rows is None else f"{rows:,}",
        None if seconds is None else f"{seconds:.1f}",
        short(told.snapshot),
        _data_of(told),
        told.error,
    ]


def _data_of(told: VolumeBackup) -> str | None:
    if told.unchanged_at is None:
        return moment(told.taken_at)
    return f"{moment(told.unchanged_at)}, unchanged since {moment(told.taken_at)}"


def _plan(session: Session, site: Site, volumes: tuple[Volume, ...]) -> int:
    planned = tuple(_planned(preview(site, volume)) for volume in volumes)
    columns = ("volume", "engine", "verdict", "taken from", "last dump", "free", "problem")
    rows = (
        (p.name, p.engine, verdict(p.verdict), p.source, p.last_dump, size(p.free_bytes), p.error)
        for p in planned
    )
    report = BackupPlan(
        verdict=_worst(plan.error for plan in planned),
        reasons=("nothing was changed: this is what a backup would meet",),
        volumes=planned,
    )
    return answer(session, report, lambda console: table(console, columns, rows))


def _planned(found: Preview) -> VolumePlan:
    return VolumePlan(
        name=found.volume.name,
        verdict=_worst([found.problem]),
        engine=str(found.volume.engine),
        source=found.source,
        last_dump=found.last.dump_id if found.last else None,
        last_size_bytes=found.last.size_bytes if found.last else None,
        free_bytes=found.free_bytes,
        error=found.problem,
    )
