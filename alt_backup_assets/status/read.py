"""Reads the status from where the truth is: the repositories and the ledger. No Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from alt_backup_assets.dumps.record import artifact_differences
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import AltBackupError, LedgerError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER, of_volume
from alt_backup_assets.status.report import Posture, Status, Verdict, VolumeStatus, worst
from alt_backup_assets.status.verdict import Evidence, judge
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.verification.ledger import Ledger, open_ledger
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.repository_check import newest_result

Listing = tuple[Snapshot, ...]


@dataclass(frozen=True)
class Reading:
    """The status, with what it was judged by.

    Attributes:
        status: What can be relied on right now.
        evidence: What was read about each volume, in the order of the registry.
    """

    status: Status
    evidence: tuple[Evidence, ...]


def read_status(site: Site) -> Status:
    """Read what can be relied on right now; as ``read_all`` does."""
    return read_all(site).status


def read_all(site: Site) -> Reading:
    """Read what can be relied on right now, listing each repository once.

    Args:
        site: The machine.

    Returns:
        The status, and the evidence. A repository that does not open makes it CRITICAL, with
        the reason, and never an exception: somebody is waiting for the answer.
    """
    now = site.now()
    problems: list[str] = []
    local = _listing(site.local, "local", site.name, problems)
    offsite = _listing(site.offsite, "offsite", site.name, problems)
    ledger = _ledger(site, problems)
    newest = max((s.time for s in local or () if LEDGER not in s.tags), default=None)
    evidence = [
        Evidence(
            volume=volume,
            local=None if local is None else of_volume(local, volume.name),
            offsite=None if offsite is None else of_volume(offsite, volume.name),
            proofs=_proofs(ledger, volume.name, problems),
            damage=_damage(site, volume.name),
            warned=_warned(site, volume.name),
            newest_of_all=newest,
            dumped=_dumped(site, volume.name),
        )
        for volume in site.registry.planned
    ]
    volumes = tuple(_volume_status(item, now) for item in evidence)
    repository_check = newest_result(site)
    warnings = (
        [f"the newest repository check failed: {repository_check.error}"]
        if repository_check and repository_check.error
        else []
    )
    verdicts: list[Verdict] = [volume.verdict for volume in volumes]
    if problems:
        verdicts.append("CRITICAL")
    if warnings:
        verdicts.append("WARNING")
    oldest = min((item.local[-1].time for item in evidence if item.local), default=None)
    status = Status(
        verdict=worst(verdicts),
        reasons=(
            *problems,
            *warnings,
            *(f"{volume.name}: {reason}" for volume in volumes for reason in volume.reasons),
        ),
        checked_at=now,
        latest_backup_at=oldest,
        age_seconds=int((now - oldest).total_seconds()) if oldest else None,
        expected_volumes=len(volumes),
        actual_volumes=sum(not item.is_missing for item in evidence),
        missing_volumes=tuple(i.volume.name for i in evidence if i.is_missing),
        total_size_bytes=_stored_bytes(site) if local is not None else None,
        checksums_ok=not warnings and not any(item.damage for item in evidence),
        posture=_posture(site, evidence),
        volumes=volumes,
    )
    return Reading(status, tuple(evidence))


def _listing(restic: Restic | None, which: str, host: str, problems: list[str]) -> Listing | None:
    """List a repository; None where it does not open, which is a problem of the whole."""
    if restic is None:
        return ()
    try:
        return restic.snapshots(host=host)
    except AltBackupError as error:
        problems.append(f"the {which} repository cannot be read: {error}")
        return None


def _ledger(site: Site, problems: list[str]) -> Ledger | None:
    try:
        return open_ledger(site)
    except AltBackupError as error:
        problems.append(f"the proofs cannot be read: {error}")
        return None


def _stored_bytes(site: Site) -> int | None:
    try:
        return site.local.stored_bytes()
    except AltBackupError:
        return None  # the same trouble as with the listing, which is reported


def _proofs(ledger: Ledger | None, volume: str, problems: list[str]) -> tuple[Proof, ...]:
    try:
        return ledger.proofs(volume) if ledger else ()
    except LedgerError as error:
        problems.append(f"the proofs of {volume} cannot be believed: {error}")
        return ()


def _damage(site: Site, volume: str) -> tuple[str, ...]:
    dumps = store(site)
    broken = tuple(f"{path} has no readable record" for path in dumps.damaged(volume))
    newest = dumps.dumps(volume)[-1:]
    return broken + tuple(
        sentence
        for dump in newest
        for sentence in artifact_differences(dump.record, dump.directory)
    )


def _warned(site: Site, volume: str) -> tuple[str, ...]:
    return tuple(w for dump in store(site).dumps(volume)[-1:] for w in dump.record.warnings)


def _dumped(site: Site, volume: str) -> frozenset[date]:
    return frozenset(dump.record.backup_day for dump in store(site).dumps(volume))


def _volume_status(evidence: Evidence, now: datetime) -> VolumeStatus:
    verdict, reasons = judge(evidence, now)
    volume, proven = evidence.volume, evidence.newest_proven
    newest = evidence.local[-1] if evidence.local else None
    copy = evidence.offsite[-1] if evidence.offsite else None
    return VolumeStatus(
        name=volume.name,
        service=volume.service,
        engine=str(volume.engine),
        verdict=verdict,
        reasons=reasons,
        age_seconds=int((now - newest.time).total_seconds()) if newest else None,
        latest_snapshot=newest.id if newest else None,
        latest_snapshot_at=newest.time if newest else None,
        offsite_snapshot=copy.id if copy else None,
        offsite_snapshot_at=copy.time if copy else None,
        proven_snapshot=proven.snapshot if proven else None,
        proven_at=proven.drilled_at if proven else None,
    )


def _posture(site: Site, evidence: Sequence[Evidence]) -> Posture:
    """Count 3-2-1-1-0. A repository counts as a copy when it holds every volume."""
    repositories = site.config.repositories
    holding = []
    if evidence and all(item.local for item in evidence):
        holding.append(repositories.local)
    offsite = bool(evidence) and all(item.offsite for item in evidence)
    if offsite and repositories.offsite:
        holding.append(repositories.offsite)
    return Posture(
        copies=1 + len(holding),
        media=len({repository.medium for repository in holding}),
        offsite=offsite,
        undeletable=False,  # a claim counts only when deleting was tried, and nothing tries yet
        unproven=sum(not item.is_proven for item in evidence),
    )
