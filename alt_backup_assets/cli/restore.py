"""``alt-backup restore``: snapshots become the data of their volumes again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, line, moment, short, table, verdict
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.restoration.plan import Wish
from alt_backup_assets.restoration.preflight import Checked, preflight
from alt_backup_assets.restoration.run import Restored, bring_back
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.proof import Source

_REFUSED = "it was not restored: pre-flight refused another volume of this call"
_NEVER = "it was not restored: the call ended before its turn"


class VolumeRestore(Frozen):
    """How the restore of one volume ended, or what it would do."""

    name: str
    snapshot: str | None
    source: Source
    taken_at: datetime | None
    target: str | None
    verdict: str
    differences: tuple[str, ...]
    steps: tuple[str, ...]
    duration_seconds: float | None = None


class RestoreReport(Report):
    """How the restores ended, or what they would do."""

    dry_run: bool
    volumes: tuple[VolumeRestore, ...]


def _time(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> datetime | None:
    """Read a time; anything else is wrong usage."""
    try:
        return datetime.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter(
            f"{value} is no time such as 2026-11-23T18:00 or 2026-11-23T18:00Z"
        ) from None


@click.command()
@click.argument("volume", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All planned volumes.")
@click.option(
    "--from",
    "source",
    type=click.Choice(get_args(Source)),
    default="local",
    show_default=True,
    help="The repository to restore from.",
)
@click.option("--snapshot", metavar="ID", help="This one instead of the newest.")
@click.option(
    "--as-of",
    metavar="TIME",
    callback=_time,
    help="The newest data that is not newer than this, such as 2026-11-23T18:00.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Put the files there instead; with several volumes into DIR/VOLUME.",
)
@click.option("--into", metavar="DATABASE", help="Load into this new or empty database instead.")
@click.option("--force", is_flag=True, help="Stop and start what runs; replace DIR.")
@dry_run_option
@reports
@pass_session
def restore(
    session: Session,
    volume: tuple[str, ...],
    *,
    every: bool,
    source: Source,
    snapshot: str | None,
    as_of: datetime | None,
    to: Path | None,
    into: str | None,
    force: bool,
    dry_run: bool,
) -> int:
    """Bring volumes back from their snapshots, in place or elsewhere.

    Everything is checked for every volume before anything is touched. The exit code is 0 only
    if all of them are RESTORED.
    """
    _require_sense(volume, every, (snapshot, as_of), (to, into), alone=(snapshot, into))
    site = session.site()
    if as_of and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=site.config.timezone)
    wish = Wish(source, snapshot, as_of, to, into, force)
    checked = preflight(site, site.registry.select(include=volume), wish)
    report = _attempted(site, checked, wish, dry_run=dry_run)
    return answer(session, report, lambda console: _render(console, report.volumes))


def _require_sense(
    volume: tuple[str, ...],
    every: bool,
    *either: tuple[object, object],
    alone: tuple[object, ...],
) -> None:
    if bool(volume) == every:
        raise click.UsageError("name a VOLUME or several, or say --all")
    if any(alone) and len(set(volume)) != 1:
        raise click.UsageError("--snapshot and --into need the name of one VOLUME, and no other")
    if any(one and other for one, other in either):
        raise click.UsageError("--snapshot and --as-of, and --to and --into, exclude each other")


def _attempted(
    site: Site, checked: tuple[Checked, ...], wish: Wish, *, dry_run: bool
) -> RestoreReport:
    refused = any(each.problems for each in checked)
    if not refused and not dry_run:
        told = _restore(site, checked, wish.source)
        return RestoreReport(verdict=_worst(told, "RESTORED"), dry_run=False, volumes=told)
    good = ("PLANNED", ()) if dry_run else ("FAILED", (_REFUSED,))
    told = tuple(
        _told(each, wish.source, *(("FAILED", each.problems) if each.problems else good))
        for each in checked
    )
    return RestoreReport(
        verdict=_worst(told, "PLANNED"),
        reasons=("nothing was touched: this is what a restore would do",)
        if dry_run
        else ("nothing was touched: pre-flight refused",),
        dry_run=dry_run,
        volumes=told,
    )


def _restore(site: Site, checked: tuple[Checked, ...], source: Source) -> tuple[VolumeRestore, ...]:
    ended: dict[str, Restored] = {}
    with progress("restoring", total=len(checked)) as going:
        for done in bring_back(site, checked, going.note):
            ended[done.plan.volume.name] = done
            going.done(done.plan.volume.name, "; ".join(done.differences) or None)
    return tuple(_ended(each, ended.get(each.volume.name), source) for each in checked)


def _ended(each: Checked, done: Restored | None, source: Source) -> VolumeRestore:
    if done is None:
        return _told(each, source, "FAILED", (_NEVER,))
    word = "FAILED" if done.differences else "RESTORED"
    seen = {"steps": done.steps, "duration_seconds": done.duration_seconds}
    return _told(each, source, word, done.differences).model_copy(update=seen)


def _told(each: Checked, source: Source, word: str, differences: tuple[str, ...]) -> VolumeRestore:
    plan = each.plan
    return VolumeRestore(
        name=each.volume.name,
        snapshot=plan.target.snapshot.id if plan else None,
        source=source,
        taken_at=plan.target.snapshot.time if plan else None,
        target=plan.target_name if plan else None,
        verdict=word,
        differences=differences,
        steps=plan.sentences if plan and word == "PLANNED" else (),
    )


def _worst(told: Iterable[VolumeRestore], good: str) -> str:
    return good if {volume.verdict for volume in told} == {good} else "FAILED"


def _render(console: Console, told: tuple[VolumeRestore, ...]) -> None:
    columns = ("volume", "verdict", "snapshot", "source", "data of", "target", "seconds")
    rows = (
        (
            volume.name,
            verdict(volume.verdict),
            short(volume.snapshot),
            volume.source,
            moment(volume.taken_at),
            volume.target,
            None if volume.duration_seconds is None else f"{volume.duration_seconds:.1f}",
        )
        for volume in told
    )
    table(console, columns, rows)
    for volume in told:
        for said in (*volume.differences, *volume.steps):
            line(console, f"{volume.name}: {said}")
