"""Reads the status from where the truth is: the repositories and the ledger. No Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alt_backup_assets.dumps.record import artifact_differences
from alt_backup_assets.dumps.store import Shelf
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER, by_tag
from alt_backup_assets.status.report import Posture, Status, Verdict, VolumeStatus, worst
from alt_backup_assets.status.repositories import check_findings, undeletability
from alt_backup_assets.status.sources import Sources, read_sources
from alt_backup_assets.status.verdict import Evidence, judge
from alt_backup_assets.status.verifier import verifier_findings


@dataclass(frozen=True)
class Reading:
    """The status, with what it was judged by.

    Attributes:
        status: What can be relied on right now.
        evidence: What was read about each volume, in the order of the registry.
    """

    status: Status
    evidence: tuple[Evidence, ...]


def read_status(site: Site, sources: Sources | None = None) -> Status:
    """Read what can be relied on right now; as ``read_all`` does."""
    return read_all(site, sources).status


def read_all(site: Site, sources: Sources | None = None) -> Reading:
    """Read what can be relied on right now, each repository and the ledger once.

    Args:
        site: The machine.
        sources: What it is judged by, where somebody read that already.

    Returns:
        The status, and the evidence. A repository that does not open, or a state directory that
        cannot be used, makes it CRITICAL, with the reason, and never an exception: somebody is
        waiting for the answer.
    """
    try:
        return _read(site, sources)
    except OSError as error:
        return _unreadable(site, f"our own files cannot be read: {error}")


def _read(site: Site, sources: Sources | None) -> Reading:
    now = site.now()
    sources = sources or read_sources(site)
    local, offsite, problems = sources.local, sources.offsite, sources.problems
    times = [s.time for s in local or () if LEDGER not in s.tags]
    newest = max(times, default=None)
    here = None if local is None else by_tag(local)
    there = None if offsite is None else by_tag(offsite)
    evidence = [
        Evidence(
            volume=volume,
            local=None if here is None else here.get(volume.name, ()),
            offsite=None if there is None else there.get(volume.name, ()),
            proofs=sources.chains.get(volume.name) or (),
            proofs_known=sources.chains.get(volume.name) is not None,
            damage=_damage(site, volume.name, shelf),
            warned=shelf.dumps[-1].record.warnings if shelf.dumps else (),
            newest_of_all=newest,
            dumped=frozenset(dump.record.backup_day for dump in shelf.dumps),
        )
        for volume in site.registry.planned
        for shelf in [sources.shelves[volume.name]]
    ]
    volumes = tuple(_volume_status(item, now) for item in evidence)
    unsound = check_findings(site)
    undeletable, deletable = undeletability(site, now)
    warnings = (*unsound, *deletable)
    tested = verifier_findings(site, min(times, default=None), now)
    verdicts: list[Verdict] = [volume.verdict for volume in volumes]
    verdicts += [verdict for verdict, _ in tested]
    if problems:
        verdicts.append("CRITICAL")
    if warnings:
        verdicts.append("WARNING")
    oldest = min((item.local[-1].time for item in evidence if item.local), default=None)
    status = Status(
        verdict=worst(verdicts),
        reasons=(
            *problems,
            *(sentence for _, sentence in tested),
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
        checksums_ok=not unsound and not any(item.damage for item in evidence),
        posture=_posture(site, evidence, undeletable=undeletable),
        volumes=volumes,
    )
    return Reading(status, tuple(evidence))


def _unreadable(site: Site, reason: str) -> Reading:
    """Return the status of a machine of which nothing can be known."""
    now, planned = site.now(), site.registry.planned
    evidence = tuple(
        Evidence(volume, None, None, (), (), (), None, proofs_known=False) for volume in planned
    )
    status = Status(
        verdict="CRITICAL",
        reasons=(reason,),
        checked_at=now,
        latest_backup_at=None,
        age_seconds=None,
        expected_volumes=len(planned),
        actual_volumes=0,
        missing_volumes=tuple(volume.name for volume in planned),
        total_size_bytes=None,
        checksums_ok=False,
        posture=_posture(site, evidence, undeletable=False),
        volumes=tuple(_volume_status(item, now) for item in evidence),
    )
    return Reading(status, evidence)


def _stored_bytes(site: Site) -> int | None:
    try:
        return site.local.stored_bytes()
    except AltBackupError:
        return None  # the same trouble as with the listing, which is reported


def _damage(site: Site, volume: str, shelf: Shelf) -> tuple[str, ...]:
    broken = tuple(f"{path} has no readable record" for path in shelf.damaged)
    if not shelf.dumps:
        return broken
    newest = shelf.dumps[-1]
    try:
        found = artifact_differences(newest.record, newest.directory)
    except FileNotFoundError as error:
        found = (f"{error.filename} is missing",)
    if found and not newest.directory.is_dir():
        # It may have expired while it was read: then a newer one is there, to be read instead.
        later = store(site).shelf(volume)
        if later.dumps and later.dumps[-1].record.taken_at > newest.record.taken_at:
            return _damage(site, volume, later)
    return broken + found


def _volume_status(evidence: Evidence, now: datetime) -> VolumeStatus:
    verdict, reasons = judge(evidence, now)
    volume, proven = evidence.volume, evidence.newest_proven
    newest = evidence.local[-1] if evidence.local else None
    copy = evidence.offsite[-1] if evidence.offsite else None
    elsewhere = evidence.newest_proven_offsite
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
        offsite_proven_at=elsewhere.drilled_at if elsewhere else None,
    )


def _posture(site: Site, evidence: Sequence[Evidence], *, undeletable: bool) -> Posture:
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
        undeletable=undeletable and offsite,
        unproven=sum(not item.is_proven for item in evidence),
    )
