"""The asset checks: sentences that can be false, drawn per volume.

Every check here has a test in which it turns red.
"""

import warnings
from datetime import datetime

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.status.copies import oldest_copy
from alt_backup_assets.status.verdict import hours
from alt_backup_assets.verification.proof import Proof

SIZE_IS_PLAUSIBLE = "size_is_plausible"
SOURCE_IS_HEALTHY = "source_is_healthy"
DATA_IS_FRESH = "data_is_fresh"
COPY_IS_FRESH = "copy_is_fresh"
RESTORED_CONTENT_MATCHES = "restored_content_matches"
OFFSITE_CONTENT_MATCHES = "offsite_content_matches"
COPIES_CANNOT_BE_DELETED = "copies_cannot_be_deleted"
STATUS_IS_GOOD = "status_is_good"
NO_DRIFT = "no_drift"
SIGNAL_ARRIVED = "signal_arrived"
NEIGHBOURS_ARE_HEARD = "neighbours_are_heard"

SMALLEST_SHARE = 0.5

_DESCRIPTIONS = {
    (keys.DUMP, SIZE_IS_PLAUSIBLE): "The dump has at least half the size of the one before.",
    (keys.DUMP, SOURCE_IS_HEALTHY): "The engine has nothing that will soon be in a backup's way.",
    (keys.SNAPSHOT, DATA_IS_FRESH): "The data in the snapshot is within the volume's RPO.",
    (
        keys.RESTORE_DRILL,
        STATUS_IS_GOOD,
    ): "The status of the volume is GOOD, judged every hour.",
    (
        keys.OFFSITE,
        COPY_IS_FRESH,
    ): "The data in the copy is as new as the schedules allow, judged every hour.",
    (keys.RESTORE_DRILL, RESTORED_CONTENT_MATCHES): (
        "Everything recorded at the source came back equal from the repository."
    ),
    (keys.OFFSITE_DRILL, OFFSITE_CONTENT_MATCHES): (
        "Everything recorded at the source came back equal from the offsite repository."
    ),
}


def specs(
    site: Site, volumes: tuple[Volume, ...], wanted: list[tuple[str, str]]
) -> list[dg.AssetCheckSpec]:
    """Return the specs of some checks for every volume.

    Args:
        site: The machine.
        volumes: Planned volumes.
        wanted: Pairs of stage and check name.
    """
    names = Names(site)
    with warnings.catch_warnings():
        # Partitions of checks are a preview; without them a check's row belongs to no day.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name=check,
                asset=names.key(stage, volume.name),
                description=_DESCRIPTIONS[stage, check],
                partitions_def=keys.daily(site),
            )
            for volume in volumes
            for stage, check in wanted
        ]


def event(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return a result as an event that belongs to no run.

    Without a partition: Dagster's storage takes one such event a check and partition, and refuses
    the second of a day (measured on 1.13.27).

    Args:
        result: Names its asset and itself.
    """
    assert result.asset_key is not None, "our checks name their asset"
    assert result.check_name is not None, "and themselves"
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )


def size_is_plausible(
    key: dg.AssetKey, dump: StoredDump, before: StoredDump | None
) -> dg.AssetCheckResult:
    """Compare a dump's size with that of the one before."""
    size = dump.record.size_bytes
    last = before.record.size_bytes if before else size
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SIZE_IS_PLAUSIBLE,
        passed=size >= last * SMALLEST_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{size} bytes, after {last}",
        metadata={"dump/size_bytes": size, "dump/size_bytes_before": last},
    )


def source_is_healthy(key: dg.AssetKey, dump: StoredDump) -> dg.AssetCheckResult:
    """Show what the engine's driver warned of while it took the dump."""
    warned = dump.record.warnings
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SOURCE_IS_HEALTHY,
        passed=not warned,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(warned) or "nothing was found",
        metadata={"dump/warnings": list(warned)},
    )


def data_is_fresh(
    key: dg.AssetKey, check: str, volume: Volume, taken_at: datetime, now: datetime
) -> dg.AssetCheckResult:
    """Compare the age of the data itself with the volume's RPO."""
    age = now - taken_at
    failed = age > volume.rpo.fail
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check,
        passed=age <= volume.rpo.warn,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"the data is of {taken_at:%Y-%m-%d %H:%M} UTC",
        metadata={"data/age_seconds": age.total_seconds()},
    )


def content_matches(key: dg.AssetKey, proof: Proof) -> dg.AssetCheckResult:
    """Show a drill's verdict with every difference, as the check of the repository drilled."""
    offsite = proof.source == "offsite"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=OFFSITE_CONTENT_MATCHES if offsite else RESTORED_CONTENT_MATCHES,
        passed=proof.verdict == "PROVEN",
        description="; ".join(proof.differences) or "everything recorded came back equal",
        metadata={"drill/differences": list(proof.differences)},
    )


def copy_is_fresh(
    site: Site, key: dg.AssetKey, volume: Volume, taken_at: datetime | None
) -> dg.AssetCheckResult:
    """Compare the age of the data in the newest copy with what the schedules explain.

    Args:
        site: Has the schedules and the clock.
        key: Of the volume's copies.
        volume: Its objective counts where it allows more.
        taken_at: Data time of its newest copy; None where none is known.
    """
    limit = max(volume.rpo.warn, oldest_copy(site.config.schedules))
    if taken_at is None:
        passed, failed, said = False, False, "no copy is known"
    else:
        age = site.now() - taken_at
        passed, failed = age <= limit, age > max(volume.rpo.fail, limit)
        said = f"the data in the newest copy is of {taken_at:%Y-%m-%d %H:%M} UTC"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=COPY_IS_FRESH,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"{said}; it may be {hours(limit)} old",
    )
