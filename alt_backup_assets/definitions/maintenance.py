"""The assets of no volume: retention, the repository check, log rotation."""

from datetime import timedelta

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots import retention as forgetting
from alt_backup_assets.snapshots.back_up import expire_dumps
from alt_backup_assets.verification import repository_check as checking


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
    def retention(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> dg.MaterializeResult[None]:
        """Snapshots and dumps that the policy no longer keeps, removed; judged by listing."""
        planned = forgetting.plan(site, site.local, site.config.repositories.local)
        forgetting.apply(site.local, planned)
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
    def repository_check(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> dg.MaterializeResult[None]:
        """The local repository's structure, and the day's part of its data, read and checked."""
        result = checking.check(site, subset=checking.subset_of(keys.day_of(context), site.config.read_data_parts))
        return dg.MaterializeResult(metadata={"restic/read_data_subset": result.subset})

    return [retention, repository_check]
