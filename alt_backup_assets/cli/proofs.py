"""``alt-backup proofs``: the ledger, read and held against what was published."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.console import Console

from alt_backup_assets.cli.output import Report, answer, moment, short, table, verdict
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.errors import AltBackupError, LedgerError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.heads import Head
from alt_backup_assets.verification.ledger import open_ledger, require_published
from alt_backup_assets.verification.proof import Proof


class ProofsReport(Report):
    """The proofs, oldest first in each volume.

    Attributes:
        heads: How long the chain of every volume is, and the hash of its last line.
    """

    heads: tuple[Head, ...] = ()
    proofs: tuple[Proof, ...] = ()


@click.command()
@click.argument("volume", nargs=-1)
@reports
@pass_session
def proofs(session: Session, volume: tuple[str, ...]) -> int:
    """List the drills of all volumes, or of those named, and verify their chains.

    FAILED means that the ledger cannot be believed, not that a drill failed.
    """
    site = session.site()
    names = [entry.name for entry in site.registry.select(include=volume)]
    try:
        ledger = open_ledger(site)
    except AltBackupError as error:
        return answer(session, ProofsReport(verdict="FAILED", reasons=(str(error),)))
    reasons: list[str] = []
    listed = tuple(_published(site, reasons))
    found: list[Proof] = []
    try:
        require_published(ledger, listed)
        for name in names:
            found += ledger.proofs(name)
    except LedgerError as error:
        reasons.append(str(error))
    report = ProofsReport(
        verdict="FAILED" if reasons else "GOOD",
        reasons=tuple(reasons),
        heads=tuple(head for head in ledger.heads() if head.volume in names),
        proofs=tuple(found),
    )
    return answer(session, report, lambda console: _render(console, report))


def _published(site: Site, reasons: list[str]) -> Iterator[Snapshot]:
    """List what was published; a repository that does not open leaves the ledger unconfirmed."""
    for restic in (site.local, site.offsite):
        try:
            yield from restic.snapshots(host=site.name, tag=LEDGER) if restic else ()
        except AltBackupError as error:
            reasons.append(f"what was published cannot be read: {error}")


def _render(console: Console, report: ProofsReport) -> None:
    columns = ("volume", "drilled", "verdict", "snapshot", "source", "data of", "seconds")
    rows = (
        (
            proof.volume,
            moment(proof.drilled_at),
            verdict(proof.verdict),
            short(proof.snapshot),
            proof.source,
            moment(proof.taken_at),
            f"{proof.duration_seconds:.1f}",
        )
        for proof in report.proofs
    )
    table(console, columns, rows)
