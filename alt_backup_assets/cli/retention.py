"""``alt-backup retention``: old snapshots and dumps forgotten by the operator's policy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, line, short, table
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.config import Repository
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import expire_dumps
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.tools.restic import RetentionPlan, Snapshot
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.proof import Source
from alt_backup_assets.verification.retention import carry_out, plan

_OF_NO_VOLUME = "(proofs)"
_SPARED = "is kept whatever the policy says: it is the newest that was proven"


class VolumeRetention(Frozen):
    """What is kept and removed of one volume in one repository.

    Attributes:
        kept: How many snapshots, the spared ones among them.
        removed: Ids of those that go.
        spared: Ids of those that the policy would remove, and that are kept as the newest proven.
    """

    name: str
    kept: int
    removed: tuple[str, ...]
    spared: tuple[str, ...] = ()


class RepositoryRetention(Frozen):
    """How the retention of one repository ended.

    Attributes:
        refusals: What the guard has against the plan; nothing is removed then.
        note: Why nothing is removed there, though nothing failed.
    """

    repository: Source
    verdict: str
    volumes: tuple[VolumeRetention, ...] = ()
    refusals: tuple[str, ...] = ()
    note: str | None = None
    error: str | None = None


class RetentionReport(Report):
    """How it ended; the expired dumps are those on this machine's disk."""

    dry_run: bool
    repositories: tuple[RepositoryRetention, ...]
    expired_dumps: dict[str, tuple[str, ...]]


@click.command()
@dry_run_option
@reports
@pass_session
def retention(session: Session, dry_run: bool) -> int:
    """Forget old snapshots, here and offsite, and remove old dumps that snapshots hold."""
    site = session.site()
    with progress("forgetting") as going:
        done = tuple(
            _retain(site, name, configured, going.note, dry_run=dry_run)
            for name, configured in _repositories(site)
        )
        expired, reasons = _expire(site, going.warn, dry_run=dry_run)
    report = RetentionReport(
        verdict="FAILED" if reasons or any(one.error for one in done) else "GOOD",
        reasons=(*reasons, *(("nothing was removed: this is the plan",) if dry_run else ())),
        dry_run=dry_run,
        repositories=done,
        expired_dumps=expired,
    )
    return answer(session, report, lambda console: _render(console, report))


def _repositories(site: Site) -> Iterator[tuple[Source, Repository]]:
    repositories = site.config.repositories
    yield "local", repositories.local
    if repositories.offsite:
        yield "offsite", repositories.offsite


def _retain(
    site: Site,
    name: Source,
    configured: Repository,
    note: Callable[[str], object],
    *,
    dry_run: bool,
) -> RepositoryRetention:
    if configured.append_only:
        said = "append-only: nothing can be removed from here"
        return RepositoryRetention(repository=name, verdict="GOOD", note=said)
    try:
        guarded = plan(site, name)
        planned = guarded.plan
        kept, removed = len(planned.keep), len(planned.remove)
        spared = f", {len(planned.spared)} of them as the newest proven" if planned.spared else ""
        note(f"{name}: {kept} snapshots are kept{spared}, {removed} would go")
        if not guarded.refusals and not dry_run:
            carry_out(site, guarded, name)
    except AltBackupError as error:
        return RepositoryRetention(repository=name, verdict="FAILED", error=str(error))
    return RepositoryRetention(
        repository=name,
        verdict="FAILED" if guarded.refusals else "GOOD",
        volumes=_by_volume(planned),
        refusals=guarded.refusals,
        error="refused: nothing was removed" if guarded.refusals else None,
    )


def _by_volume(planned: RetentionPlan) -> tuple[VolumeRetention, ...]:
    kept = Counter(volume_of(snapshot) or _OF_NO_VOLUME for snapshot in planned.keep)
    removed, spared = _ids(planned.remove), _ids(planned.spared)
    return tuple(
        VolumeRetention(name=name, kept=kept[name], removed=removed[name], spared=spared[name])
        for name in sorted({*kept, *removed})
    )


def _ids(snapshots: Iterable[Snapshot]) -> defaultdict[str, tuple[str, ...]]:
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for snapshot in snapshots:
        found[volume_of(snapshot) or _OF_NO_VOLUME] += (snapshot.id,)
    return found


def _expire(
    site: Site, warn: Callable[[str], object], *, dry_run: bool
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    try:
        listed = site.local.snapshots(host=site.name)
        return expire_dumps(site, listed, dry_run=dry_run, notify=warn), ()
    except AltBackupError as error:
        return {}, (f"old dumps were not removed: {error}",)


def _counts(volume: VolumeRetention) -> tuple[int, int, int]:
    return volume.kept, len(volume.removed), len(volume.spared)


def _render(console: Console, report: RetentionReport) -> None:
    rows = (
        (one.repository, volume.name, *map(str, _counts(volume)))
        for one in report.repositories
        for volume in one.volumes
    )
    table(console, ("repository", "volume", "kept", "removed", "spared"), rows)
    for one in report.repositories:
        if said := one.error or one.note:
            line(console, f"{one.repository}: {said}", style="red" if one.error else "")
        for volume in one.volumes:
            for spared in volume.spared:
                line(console, f"{one.repository}: {short(spared)} of {volume.name} {_SPARED}")
        for refusal in one.refusals:
            line(console, f"{one.repository}: {refusal}", style="red")
    expired = sum(map(len, report.expired_dumps.values()))
    line(console, f"dumps on disk {'to be removed' if report.dry_run else 'removed'}: {expired}")
