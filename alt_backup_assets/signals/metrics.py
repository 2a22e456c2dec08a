"""Facts as metric families: a pure function, and the registry that holds them.

The names without ``volume`` are those the platform's rules have always queried. A value that is
not known has no sample: a rule asks for absence, and nothing stale looks fresh. All times are
data times in seconds since 1970, unless the help says otherwise. Keep out: reading anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from alt_backup_assets.signals import proof_metrics
from alt_backup_assets.signals.facts import Facts, Snapshots
from alt_backup_assets.signals.gauges import each, family, oldest, one
from alt_backup_assets.status.report import EXIT_CODES


class Families:
    """A collector of families that were made before, for a registry of the official client."""

    def __init__(self, facts: Facts) -> None:
        self._families = families(facts)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the families."""
        return self._families


def registry(facts: Facts) -> CollectorRegistry:
    """Return a registry that holds the metrics of one moment, and nothing of this process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Families(facts))
    return made


def families(facts: Facts) -> tuple[GaugeMetricFamily, ...]:
    """Turn facts into metric families."""
    return (
        *_successes(facts),
        *_repository(facts),
        *_databases(facts),
        *_disk(facts),
        *_offsite(facts),
        *proof_metrics.drills(facts),
        *_volumes(facts),
        *_whole(facts),
        *proof_metrics.ledger(facts),
        *proof_metrics.verifier(facts),
        one(
            "backup_metrics_generated_timestamp",
            "When these metrics were read.",
            facts.status.checked_at,
        ),
    )


def _successes(facts: Facts) -> Iterator[GaugeMetricFamily]:
    at = {
        "full": oldest(volume.latest_snapshot_at for volume in facts.status.volumes),
        "postgres": oldest(database.taken_at for database in facts.databases),
        "restic": facts.local.newest_at if facts.local else None,
    }
    now = facts.status.checked_at
    yield each(
        "backup_last_success_timestamp",
        "Data time. full: of the volume whose newest snapshot is the oldest, absent while one has"
        " none. postgres: of the database whose newest dump on disk is the oldest, absent while"
        " one has none. restic: of the newest snapshot of any volume.",
        "type",
        at.items(),
    )
    ages = ((kind, _hours(now, moment)) for kind, moment in at.items())
    yield each("backup_age_hours", "Age of backup_last_success_timestamp, in hours.", "type", ages)


def _repository(facts: Facts) -> Iterator[GaugeMetricFamily]:
    yield one(
        "backup_repository_initialized",
        "1 where the local repository opens with its password.",
        facts.local is not None,
    )
    yield from _counted(facts.local, "backup_restic", "local")
    yield one(
        "backup_restic_oldest_snapshot_timestamp",
        "Data time of the oldest snapshot of any volume in the local repository.",
        facts.local.oldest_at if facts.local else None,
    )
    yield one(
        "backup_total_size_bytes",
        "Bytes the local repository takes up.",
        facts.status.total_size_bytes,
    )
    yield one(
        "backup_file_count",
        "Files of all complete dumps on this machine's disk, without their records.",
        facts.dump_files,
    )
    check = facts.check
    yield one(
        "backup_repository_check_success",
        "1 where the newest check of the local repository found nothing.",
        None if check is None else check.error is None,
    )
    yield one(
        "backup_repository_check_last_timestamp",
        "When the local repository was last checked.",
        check.checked_at if check else None,
    )
    yield one(
        "backup_read_data_cycle_completed_timestamp",
        "When the last part of a whole round of reading the repository's data was read.",
        facts.read_data_at,
    )


def _counted(snapshots: Snapshots | None, prefix: str, which: str) -> Iterator[GaugeMetricFamily]:
    yield one(
        f"{prefix}_snapshot_count",
        f"Snapshots of volumes in the {which} repository.",
        snapshots.count if snapshots else None,
    )


def _databases(facts: Facts) -> Iterator[GaugeMetricFamily]:
    yield each(
        "backup_postgres_last_success_timestamp",
        "Data time of the newest dump on disk; of two databases with one name, the older one's.",
        "database",
        ((database.database, database.taken_at) for database in facts.databases),
    )
    yield each(
        "backup_postgres_size_bytes",
        "Size of that dump's archive.",
        "database",
        ((database.database, database.size_bytes) for database in facts.databases),
    )


def _disk(facts: Facts) -> Iterator[GaugeMetricFamily]:
    disk, where = facts.disk, "the fullest file system that backups are written to"
    yield one("backup_disk_total_bytes", f"Size of {where}.", disk.total_bytes)
    yield one("backup_disk_used_bytes", f"Used bytes of {where}.", disk.used_bytes)
    yield one("backup_disk_available_bytes", f"Free bytes of {where}.", disk.free_bytes)
    yield one(
        "backup_disk_usage_percent",
        f"Used share of {where}, in percent.",
        100 * (1 - disk.free_bytes / disk.total_bytes),
    )


def _offsite(facts: Facts) -> Iterator[GaugeMetricFamily]:
    if not facts.has_offsite:
        return
    yield one(
        "backup_offsite_reachable",
        "1 where the offsite repository opens with its password.",
        facts.offsite is not None,
    )
    yield from _counted(facts.offsite, "backup_offsite", "offsite")
    yield one(
        "backup_offsite_last_success_timestamp",
        "Data time of the volume whose newest offsite copy is the oldest; absent while one has"
        " none.",
        oldest(volume.offsite_snapshot_at for volume in facts.status.volumes),
    )


def _volumes(facts: Facts) -> Iterator[GaugeMetricFamily]:
    volumes, now = facts.status.volumes, facts.status.checked_at
    yield each(
        "backup_volume_recovery_point_timestamp",
        "Data time of the newest snapshot in the local repository.",
        "volume",
        ((volume.name, volume.latest_snapshot_at) for volume in volumes),
    )
    yield each(
        "backup_volume_recovery_point_age_seconds",
        "Age of the newest snapshot's data when these metrics were read.",
        "volume",
        ((volume.name, _seconds(now, volume.latest_snapshot_at)) for volume in volumes),
    )
    yield family(
        "backup_volume_rpo_seconds",
        "How old the newest data may be before somebody must hear of it.",
        ("volume", "level"),
        (
            ((name, level), limit.total_seconds())
            for name, rpo in facts.objectives.items()
            for level, limit in (("warn", rpo.warn), ("fail", rpo.fail))
        ),
    )
    yield each(
        "backup_volume_proven_timestamp",
        "When the newest proof of a snapshot that is still kept was made.",
        "volume",
        ((volume.name, volume.proven_at) for volume in volumes),
    )
    yield each(
        "backup_volume_verdict",
        "What alt-backup status says: 0 GOOD, 1 WARNING, 2 CRITICAL.",
        "volume",
        ((volume.name, EXIT_CODES[volume.verdict]) for volume in volumes),
    )


def _whole(facts: Facts) -> Iterator[GaugeMetricFamily]:
    status, posture, drift = facts.status, facts.status.posture, facts.drift
    yield one(
        "backup_status_verdict",
        "What alt-backup status says of the whole: 0 GOOD, 1 WARNING, 2 CRITICAL.",
        EXIT_CODES[status.verdict],
    )
    yield one(
        "backup_checksums_ok",
        "1 where the newest dumps are what was written and the repository check found nothing.",
        status.checksums_ok,
    )
    for name, text, value in (
        ("copies", "Copies every volume has, the live data counted", posture.copies),
        ("media", "Distinct media that hold every volume", posture.media),
        ("offsite", "1 where every volume has a copy elsewhere", posture.offsite),
        ("undeletable", "1 where a copy resisted an attempt to delete it", posture.undeletable),
        ("unproven", "Volumes whose newest snapshot has no proof", posture.unproven),
    ):
        yield one(f"backup_posture_{name}", f"3-2-1-1-0: {text}.", value)
    states = Counter(volume.state for volume in drift.volumes) if drift else {}
    yield each(
        "backup_drift_volumes",
        "Volumes of the registry and the platform by how they stand to each other.",
        "state",
        states.items(),
    )
    yield one(
        "backup_drifted_volumes",
        "Volumes for which somebody has to do something; absent where that cannot be judged.",
        sum(volume.drifted for volume in drift.volumes) if drift else None,
    )


def _seconds(now: datetime, moment: datetime | None) -> float | None:
    return (now - moment).total_seconds() if moment else None


def _hours(now: datetime, moment: datetime | None) -> float | None:
    return (now - moment).total_seconds() / 3600 if moment else None
