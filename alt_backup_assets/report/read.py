"""Gathers what the page shows: the repositories, the hot tier and the ledger, each read once."""

from __future__ import annotations

from datetime import datetime, timedelta

from alt_backup_assets.report.facts import Cell, Excluded, MorningReport, Point, VolumeFacts
from alt_backup_assets.report.grid import Calendar, Row, Traces
from alt_backup_assets.site import Site
from alt_backup_assets.status.read import read_all
from alt_backup_assets.status.report import EXIT_CODES, VolumeStatus
from alt_backup_assets.status.verdict import Evidence
from alt_backup_assets.verification.proof import Proof

DAYS = 14
TREND = timedelta(days=90)
"""How far back the charts go."""


def read_report(site: Site, *, days: int = DAYS) -> MorningReport:
    """Gather the page.

    Args:
        site: The machine.
        days: Backup days the grid shows, today included.

    Returns:
        The page's facts. As with the status, a repository that does not open is in them.
    """
    reading = read_all(site)
    status, evidence = reading.status, reading.evidence
    shown = tuple(site.day_of(status.checked_at) - timedelta(n) for n in reversed(range(days)))
    traces = [Traces.of(item, site.day_of) for item in evidence]
    first = min((day for trace in traces for day in trace.days), default=None)
    now = status.checked_at.astimezone(site.config.timezone)
    calendar = Calendar(now, site.config.schedules, first)
    ticks = calendar.ticks(shown)
    offsite = site.config.repositories.offsite
    volumes = []
    for item, trace, volume in zip(evidence, traces, status.volumes, strict=True):
        row = Row(
            traces=trace,
            calendar=calendar,
            ticks=ticks,
            patience=timedelta(minutes=item.volume.timeout_minutes),
            local=site.config.repositories.local.retention,
            offsite=offsite.retention if offsite and not offsite.append_only else None,
            has_offsite=offsite is not None,
        )
        cells = tuple(row.cells(day) for day in shown)
        volumes.append(_facts(item, volume, cells=cells, since=status.checked_at - TREND))
    return MorningReport(
        platform=site.name,
        zone=site.config.timezone,
        status=status,
        has_offsite=offsite is not None,
        days=shown,
        volumes=tuple(sorted(volumes, key=lambda v: -EXIT_CODES[v.status.verdict])),
        excluded=_excluded(site),
    )


def _facts(
    evidence: Evidence,
    status: VolumeStatus,
    *,
    cells: tuple[tuple[Cell, ...], ...],
    since: datetime,
) -> VolumeFacts:
    proven = evidence.newest_proven
    return VolumeFacts(
        status=status,
        rpo=evidence.volume.rpo,
        days=cells,
        proven_data_at=proven.taken_at if proven else None,
        sizes=_sizes(evidence, since),
        durations=tuple(
            Point(proof.drilled_at, proof.duration_seconds, good=proof.verdict == "PROVEN")
            for proof in evidence.proofs
            if proof.drilled_at >= since
        ),
        last_drill=_last_drill(evidence),
        drills_known=evidence.proofs_known,
    )


def _last_drill(evidence: Evidence) -> Proof | None:
    last = evidence.proofs[-1] if evidence.proofs else None
    assert last is None or isinstance(last, Proof), "the last proof of a chain is a whole one"
    return last


def _sizes(evidence: Evidence, since: datetime) -> tuple[Point, ...]:
    """Return the size of every snapshot that is known, whichever repository still holds it."""
    everywhere = [*(evidence.offsite or ()), *(evidence.local or ())]
    known = {s.lineage: s for s in everywhere if s.total_bytes is not None and s.time >= since}
    ordered = sorted(known.values(), key=lambda snapshot: snapshot.time)
    return tuple(Point(s.time, s.total_bytes) for s in ordered if s.total_bytes is not None)


def _excluded(site: Site) -> tuple[Excluded, ...]:
    overdue = site.registry.unplanned_on(site.today)
    return tuple(
        Excluded(volume.name, volume.excluded, is_overdue=volume in overdue)
        for volume in site.registry.volumes
        if volume.excluded
    )
