"""The assets of no volume: retention, the repository check, log rotation."""

from datetime import timedelta

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.definitions.log_rotation import rotate
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import expire_dumps
from alt_backup_assets.snapshots.retention import retain
from alt_backup_assets.verification import repository_check as checking

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
        planned = retain(site, site.local, site.config.repositories.local)
        expired = expire_dumps(site)
        return dg.MaterializeResult(
            metadata={
                "restic/kept": len(planned.keep),
                "restic/removed": len(planned.remove),
                "dump/removed": sum(len(ids) for ids in expired.values()),
            }
        )

    @dg.asset(
        key=names.key(keys.MAINTENANCE, keys.REPOSITORY_CHECK),
        group_name=keys.MAINTENANCE,
        deps=[retention],
        partitions_def=keys.daily(site),
        kinds={"restic"},
    )
    def repository_check(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Done:
        """Read and check the local repository's structure and the day's part of its data."""
        result = checking.check(
            site, subset=checking.subset_of(keys.day_of(context), site.config.read_data_parts)
        )
        return dg.MaterializeResult(metadata={"restic/read_data_subset": result.subset})

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
