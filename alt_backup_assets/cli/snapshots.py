"""``alt-backup snapshots``: what could be restored, from where, and what was proven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import get_args

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, moment, short, size, table, verdict
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.offsite.copy import target
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.ledger import Ledger, open_ledger
from alt_backup_assets.verification.proof import ProofSummary, Source, Verdict


class Listed(Frozen):
    """One snapshot. Its proof is that of the newest drill of it, in either repository."""

    id: str
    taken_at: datetime
    day: date
    source: Source
    size_bytes: int | None
    proof: Verdict | None
    proven_at: datetime | None


class VolumeSnapshots(Frozen):
    """The snapshots of one volume, oldest data first."""

    name: str
    snapshots: tuple[Listed, ...]


class SnapshotsReport(Report):
    """Every snapshot of this platform, also of volumes the registry no longer has."""

    volumes: tuple[VolumeSnapshots, ...]


@click.command()
@click.argument("volume", nargs=-1)
@click.option("--from", "source", type=click.Choice(get_args(Source)), help="This repository only.")
@reports
@pass_session
def snapshots(session: Session, volume: tuple[str, ...], source: Source | None) -> int:
    """List what can be restored: of all volumes, or of those named."""
    site = session.site()
    reasons: list[str] = []
    found = _found(site, source, reasons)
    wanted = [site.registry.volume(name).name for name in volume]
    names = wanted or [v.name for v in site.registry.planned]
    others = () if wanted else sorted(found.keys() - set(names))
    report = SnapshotsReport(
        verdict="FAILED" if reasons else "GOOD",
        reasons=tuple(reasons),
        volumes=tuple(_of(name, found.get(name, ())) for name in (*names, *others)),
    )
    return answer(session, report, lambda console: _render(console, report))


def _found(site: Site, source: Source | None, reasons: list[str]) -> dict[str, list[Listed]]:
    """Read both repositories; one that does not open is a reason, and the other is listed."""
    ledger = _ledger(site, reasons)
    proofs: dict[str, dict[str, ProofSummary]] = {}
    found: dict[str, list[Listed]] = defaultdict(list)
    for name, restic in _repositories(site, source):
        try:
            listed = restic.snapshots(host=site.name)
        except AltBackupError as error:
            reasons.append(f"the {name} repository cannot be read: {error}")
            continue
        for snapshot in listed:
            if volume := volume_of(snapshot):
                if volume not in proofs:
                    proofs[volume] = _proofs(ledger, volume, reasons)
                proof = proofs[volume].get(snapshot.lineage)
                found[volume].append(_listed(site, snapshot, name, proof))
    return found


def _repositories(site: Site, source: Source | None) -> Iterator[tuple[Source, Restic]]:
    if source != "offsite":
        yield "local", site.local
    if source == "offsite" or (source is None and site.offsite):
        yield "offsite", target(site)


def _ledger(site: Site, reasons: list[str]) -> Ledger | None:
    try:
        return open_ledger(site)
    except AltBackupError as error:
        reasons.append(f"the proofs cannot be read: {error}")
        return None


def _proofs(ledger: Ledger | None, volume: str, reasons: list[str]) -> dict[str, ProofSummary]:
    """Return the newest proof of each of a volume's snapshots, by its id."""
    try:
        proofs = ledger.summaries(volume) if ledger else ()
    except AltBackupError as error:
        reasons.append(str(error))
        return {}
    return {proof.snapshot: proof for proof in proofs}


def _listed(site: Site, snapshot: Snapshot, source: Source, proof: ProofSummary | None) -> Listed:
    return Listed(
        id=snapshot.id,
        taken_at=snapshot.time,
        day=site.day_of(snapshot.time),
        source=source,
        size_bytes=snapshot.total_bytes,
        proof=proof.verdict if proof else None,
        proven_at=proof.drilled_at if proof else None,
    )


def _of(volume: str, found: Sequence[Listed]) -> VolumeSnapshots:
    return VolumeSnapshots(
        name=volume, snapshots=tuple(sorted(found, key=lambda listed: listed.taken_at))
    )


def _render(console: Console, report: SnapshotsReport) -> None:
    columns = ("volume", "snapshot", "data of", "day", "source", "size", "proof", "drilled")
    rows = (
        (
            volume.name,
            short(listed.id),
            moment(listed.taken_at),
            str(listed.day),
            listed.source,
            size(listed.size_bytes),
            verdict(listed.proof or "none"),
            moment(listed.proven_at),
        )
        for volume in report.volumes
        for listed in volume.snapshots
    )
    table(console, columns, rows)
    if without := [volume.name for volume in report.volumes if not volume.snapshots]:
        console.print(f"without any snapshot: {', '.join(without)}", soft_wrap=True)
