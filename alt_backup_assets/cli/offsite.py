"""``alt-backup offsite``: copies to the repository that is elsewhere."""

from __future__ import annotations

from datetime import datetime

import click
from pydantic import Field
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, line, moment, short, table, verdict
from alt_backup_assets.cli.progress import Going, progress
from alt_backup_assets.cli.runless import Reporter
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.cli.signalled import signalled
from alt_backup_assets.errors import AltBackupError, VolumesFailed
from alt_backup_assets.offsite.copy import (
    Copied,
    copy_snapshots,
    require_copies,
    target,
    uncopied,
)
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.canary import try_to_delete
from alt_backup_assets.verification.retention import retain


class VolumeCopy(Frozen):
    """The newest copy of one volume.

    Attributes:
        source: The snapshot's id in the local repository.
        copy_id: Its id in the offsite repository; ``copy`` in JSON.
        is_new: Whether it was copied now.
    """

    name: str
    verdict: str
    source: str | None
    copy_id: str | None = Field(serialization_alias="copy")
    taken_at: datetime | None
    is_new: bool
    error: str | None


class OffsiteReport(Report):
    """How the copying ended.

    Attributes:
        removed: Copies the offsite retention removed; None where it did not run.
    """

    volumes: tuple[VolumeCopy, ...]
    removed: int | None


class PlannedCopy(Frozen):
    """A snapshot that would be copied."""

    name: str
    source: str
    taken_at: datetime


class OffsitePlan(Report):
    """What would be copied."""

    dry_run: bool = True
    volumes: tuple[PlannedCopy, ...]


@click.command()
@click.option(
    "--prune",
    is_flag=True,
    help="After a copy without any failure, apply the offsite retention (not if append-only).",
)
@dry_run_option
@reports
@pass_session
def offsite(session: Session, prune: bool, dry_run: bool) -> int:
    """Copy what is new to the offsite repository, and confirm it by listing that.

    Nothing is ever removed there because it is gone here.
    """
    site = session.site()
    names = [volume.name for volume in site.registry.planned]
    if dry_run:
        return _plan(session, site, names)
    where = target(site).url
    with (
        progress(f"copying to {where}") as going,
        signalled(site, "offsite", going, "offsite") as call,
    ):
        going.note(f"copying to {where}")
        copies, failures = _copy(site, names, going)
        reasons: tuple[str, ...] = ()
        removed = None
        if prune and not failures:
            removed, reasons = _prune(site)
        tried = _try_to_delete(site)
        for name in names:
            call.ended(name, failures.get(name))
        call.ended("retention", "; ".join(reasons) or None)
        call.ended("canary", "; ".join(tried) or None)
    volumes = tuple(_told(name, copies, failures) for name in names)
    failed = bool(failures or reasons or tried)
    report = OffsiteReport(
        verdict="FAILED" if failed or not volumes else "GOOD",
        reasons=(*reasons, *tried),
        volumes=volumes,
        removed=removed,
    )
    return answer(session, report, lambda console: _render(console, report))


def _copy(site: Site, names: list[str], going: Going) -> tuple[dict[str, Copied], dict[str, str]]:
    with Reporter(site, going.warn) as reporter:
        copies = {copied.volume: copied for copied in copy_snapshots(site, names)}
        for copied in copies.values():
            reporter.copied(copied)
    try:
        require_copies(copies.values(), names)
    except VolumesFailed as error:
        return copies, error.failures
    return copies, {}


def _prune(site: Site) -> tuple[int | None, tuple[str, ...]]:
    try:
        plan = retain(site, "offsite")
    except AltBackupError as error:
        return None, (f"the copies are there, but old ones were not removed: {error}",)
    return (len(plan.remove) if plan else 0), ()


def _try_to_delete(site: Site) -> tuple[str, ...]:
    """Try the claim that copies cannot be deleted, where it is made; say what is wrong with it."""
    configured = site.config.repositories.offsite
    if configured is None or not configured.append_only:
        return ()
    try:
        tested = try_to_delete(site)
    except AltBackupError as error:
        return (f"the copies are there, but deleting could not be tried: {error}",)
    if tested.survived:
        return ()
    said = "is configured `append_only`, and the canary was deleted there"
    return (f"{tested.url} {said}: whoever is on this machine can delete every copy",)


def _told(name: str, copies: dict[str, Copied], failures: dict[str, str]) -> VolumeCopy:
    copied = copies.get(name)
    error = failures.get(name)
    return VolumeCopy(
        name=name,
        verdict="GOOD" if copied and not error else "FAILED",
        source=copied.source.id if copied else None,
        copy_id=copied.copy.id if copied else None,
        taken_at=copied.source.time if copied else None,
        is_new=copied.is_new if copied else False,
        error=error,
    )


def _render(console: Console, report: OffsiteReport) -> None:
    columns = ("volume", "verdict", "snapshot", "copy", "data of", "now", "error")
    rows = (
        (
            volume.name,
            verdict(volume.verdict),
            short(volume.source),
            short(volume.copy_id),
            moment(volume.taken_at),
            "copied" if volume.is_new else "was there" if volume.copy_id else None,
            volume.error,
        )
        for volume in report.volumes
    )
    table(console, columns, rows)
    if report.removed is not None:
        line(console, f"{report.removed} old copies were removed")


def _plan(session: Session, site: Site, names: list[str]) -> int:
    planned = tuple(
        PlannedCopy(name=volume_of(s) or "", source=s.id, taken_at=s.time)
        for s in uncopied(site, names)
    )
    report = OffsitePlan(
        verdict="GOOD",
        reasons=(f"nothing was copied: this is what would go to {target(site).url}",),
        volumes=planned,
    )
    rows = ((plan.name, short(plan.source), moment(plan.taken_at)) for plan in planned)
    columns = ("volume", "snapshot", "data of")
    return answer(session, report, lambda console: table(console, columns, rows))
