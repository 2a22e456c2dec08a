"""``alt-backup drill``: snapshots restored and compared with their source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import get_args

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, line, moment, short, table, verdict
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.runless import Reporter
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.cli.signalled import Call, signalled
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.drill_all import Drilled, drill_all
from alt_backup_assets.verification.listing import Listing
from alt_backup_assets.verification.proof import Source
from alt_backup_assets.verification.rotation import rotation


class VolumeDrill(Frozen):
    """How the drill of one volume ended; without a duration it could not begin."""

    name: str
    snapshot: str | None
    verdict: str
    differences: tuple[str, ...]
    duration_seconds: float | None
    source: Source


class DrillReport(Report):
    """How the drills ended."""

    volumes: tuple[VolumeDrill, ...]


class VolumePlan(Frozen):
    """What would be drilled."""

    name: str
    verdict: str
    snapshot: str | None
    taken_at: datetime | None
    source: Source
    error: str | None


class DrillPlan(Report):
    """What would be drilled."""

    dry_run: bool = True
    volumes: tuple[VolumePlan, ...]


class Choice:
    """Which snapshot of a volume is meant."""

    def __init__(self, site: Site, source: Source, snapshot: str | None) -> None:
        self._listing = Listing(site, source)
        self.source = source
        self._snapshot = snapshot

    def find(self, volume: Volume) -> Target:
        """Return the snapshot asked for, or the newest."""
        if self._snapshot:
            return self._listing.by_id(volume.name, self._snapshot)
        return self._listing.newest(volume.name)


@click.command()
@click.argument("volume", nargs=-1)
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
    "--rotate",
    is_flag=True,
    help="With --from offsite: only those whose turn it is, within the configured budget.",
)
@dry_run_option
@reports
@pass_session
def drill(
    session: Session,
    *,
    volume: tuple[str, ...],
    source: Source,
    snapshot: str | None,
    rotate: bool,
    dry_run: bool,
) -> int:
    """Restore snapshots into throw-away targets and require that nothing differs.

    Without names all planned volumes. The exit code is 0 only if all of them are PROVEN.
    """
    if snapshot and len(set(volume)) != 1:
        raise click.UsageError("--snapshot needs the name of its VOLUME, and no other")
    if rotate and (snapshot or source != "offsite"):
        raise click.UsageError("--rotate chooses among the volumes of --from offsite")
    site = session.site()
    volumes, said = site.registry.select(include=volume), tuple[str, ...]()
    if rotate:
        volumes, said = _whose_turn_it_is(site, volumes)
    choice = Choice(site, source, snapshot)
    if dry_run:
        return _plan(session, volumes, choice, said)
    ended, reasons = _drill(site, volumes, choice)
    told = tuple(_told(done, source) for done in ended)
    report = DrillReport(verdict=_worst(told, reasons), reasons=(*reasons, *said), volumes=told)
    return answer(session, report, lambda console: _render(console, told))


def _whose_turn_it_is(
    site: Site, volumes: tuple[Volume, ...]
) -> tuple[tuple[Volume, ...], tuple[str, ...]]:
    turn = rotation(site, [volume.name for volume in volumes])
    chosen = tuple(volume for volume in volumes if volume.name in turn.volumes)
    waiting = (f"another day: {', '.join(turn.waiting)}",) if turn.waiting else ()
    return chosen, (*waiting, *((turn.warning,) if turn.warning else ()))


def _drill(
    site: Site, volumes: tuple[Volume, ...], choice: Choice
) -> tuple[tuple[Drilled, ...], tuple[str, ...]]:
    ended: dict[str, Drilled] = {}
    reasons: tuple[str, ...] = ()
    part = len(volumes) < len(site.registry.planned)
    with (
        progress("drilling", total=len(volumes)) as going,
        signalled(site, "drill", going, "verify", part=part) as call,
        Reporter(site, going.warn) as reporter,
    ):
        try:
            for done in drill_all(site, volumes, choice.find, notify=going.note):
                ended[done.volume] = done
                going.done(done.volume, done.error)
                if done.proof:
                    reporter.drilled(done.proof)
        except AltBackupError as error:
            # Before the first drill, or behind the last one, when the proofs are put away.
            reasons = (str(error),)
        never = "it was not drilled"
        all_ended = tuple(ended.get(v.name, Drilled(v.name, None, never)) for v in volumes)
        for done in all_ended:
            _tell(call, done)
        call.ended("putting the proofs away", "; ".join(reasons) or None)
    return all_ended, reasons


def _tell(call: Call, done: Drilled) -> None:
    if done.proof:
        call.drilled(done.proof)
    else:
        call.ended(done.volume, done.error or "it was not drilled")


def _told(done: Drilled, source: Source) -> VolumeDrill:
    proof = done.proof
    if proof is None:
        said = (done.error or "it was not drilled",)
        return VolumeDrill(
            name=done.volume,
            snapshot=None,
            verdict="FAILED",
            differences=said,
            duration_seconds=None,
            source=source,
        )
    return VolumeDrill(
        name=done.volume,
        snapshot=proof.snapshot,
        verdict=proof.verdict,
        differences=proof.differences,
        duration_seconds=proof.duration_seconds,
        source=proof.source,
    )


def _worst(told: Iterable[VolumeDrill], reasons: tuple[str, ...]) -> str:
    verdicts = {volume.verdict for volume in told}
    return "PROVEN" if verdicts == {"PROVEN"} and not reasons else "FAILED"


def _render(console: Console, told: tuple[VolumeDrill, ...]) -> None:
    columns = ("volume", "verdict", "snapshot", "source", "seconds", "differences")
    rows = (
        (
            volume.name,
            verdict(volume.verdict),
            short(volume.snapshot),
            volume.source,
            None if volume.duration_seconds is None else f"{volume.duration_seconds:.1f}",
            str(len(volume.differences)),
        )
        for volume in told
    )
    table(console, columns, rows)
    for volume in told:
        for difference in volume.differences:
            line(console, f"{volume.name}: {difference}")


def _plan(
    session: Session, volumes: tuple[Volume, ...], choice: Choice, said: tuple[str, ...]
) -> int:
    planned = tuple(_planned(volume, choice) for volume in volumes)
    columns = ("volume", "verdict", "snapshot", "source", "data of", "problem")
    rows = (
        (p.name, verdict(p.verdict), short(p.snapshot), p.source, moment(p.taken_at), p.error)
        for p in planned
    )
    report = DrillPlan(
        verdict="FAILED" if any(plan.error for plan in planned) else "GOOD",
        reasons=("nothing was restored: this is what a drill would restore", *said),
        volumes=planned,
    )
    return answer(session, report, lambda console: table(console, columns, rows))


def _planned(volume: Volume, choice: Choice) -> VolumePlan:
    try:
        target, error = choice.find(volume), None
    except AltBackupError as reason:
        target, error = None, str(reason)
    return VolumePlan(
        name=volume.name,
        verdict="FAILED" if error else "GOOD",
        snapshot=target.snapshot.id if target else None,
        taken_at=target.snapshot.time if target else None,
        source=choice.source,
        error=error,
    )
