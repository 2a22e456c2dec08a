"""The assets of no volume: retention, the repository check, log rotation."""

from datetime import timedelta

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.definitions.log_rotation import rotate
from alt_backup_assets.site import Site
from alt_backup_assets.verification import repository_check as checking
from alt_backup_assets.verification.retention import tidy

Done = dg.MaterializeResult[None]


def maintenance_assets(site: Site) -> list[dg.AssetsDefinition]:
    """Draw the maintenance of the local repository and of Dagster's own history."""
    names = Names(site)
    snapshots = [names.key(keys.SNAPSHOT, volume.name) for volume in site.registry.planned]

    @dg.asset(
        key=names.key(keys.MAINTENANCE, keys.RETENTION),
        group_name=keys.MAINTENANCE,
        deps=snapshots,
        partitions_def=keys.daily(site),
        kinds={"restic"},
    )
    def retention(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Done:
        """Snapshots and dumps that the policy no longer keeps, removed; judged by listing."""
        expired, planned = tidy(site, context.log.warning)
        for spared in planned.spared if planned else ():
            context.log.info("spared as the newest proven: %s", spared.id)
        return dg.MaterializeResult(
            metadata={
                "restic/kept": len(planned.keep) if planned else None,
                "restic/removed": len(planned.remove) if planned else 0,
                "restic/spared": len(planned.spared) if planned else 0,
                "dump/removed": sum(len(ids) for ids in expired.values()),
            }
        )

    @dg.asset(
        key=names.key(keys.MAINTENANCE, keys.REPOSITORY_CHECK),
        group_name=keys.MAINTENANCE,
        partitions_def=keys.daily(site),
        kinds={"restic"},
        # Last in its run, and not behind anything that could fail: the day on which a backup
        # fails is the last on which the repository may go unchecked.
        op_tags={"dagster/priority": "-1"},
    )
    def repository_check(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Done:
        """Read and check the repositories' structure and the next part of the local one's data."""
        subset = checking.check_all(site)[0].subset
        cycle = checking.read_data_cycle(site)
        completed = cycle.cycle_completed_at
        return dg.MaterializeResult(
            metadata={
                "restic/read_data_subset": subset,
                "restic/read_data_cycle_completed_at": (
                    dg.MetadataValue.timestamp(completed) if completed else None
                ),
            }
        )

    @dg.asset(
        key=names.key(keys.MAINTENANCE, keys.LOG_ROTATION),
        group_name=keys.MAINTENANCE,
        partitions_def=keys.daily(site),
        kinds={"dagster"},
    )
    def log_rotation(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Done:
        """Remove runs, their events and logs that are older than the configured days."""
        rotated = rotate(context.instance, site.now() - timedelta(days=site.config.log_days))
        return dg.MaterializeResult(
            metadata={
                "dagster/runs_removed": rotated.runs,
                "dagster/files_removed": rotated.files,
            }
        )

    return [retention, repository_check, log_rotation]
