"""The check that turns red although nothing ran: the status of every volume, every hour.

Dagster's freshness policies judge when an asset was last materialised; this judges the data.
"""

from collections.abc import Iterator

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.status.read import read_status


def status_checks(site: Site) -> dg.AssetChecksDefinition:
    """Draw one check per planned volume, beside its drill: behind everything else in a run."""
    names, planned = Names(site), site.registry.planned

    @dg.multi_asset_check(
        name="status_is_good",
        specs=checks.specs(site, planned, [(keys.RESTORE_DRILL, checks.STATUS_IS_GOOD)]),
        can_subset=True,
    )
    def status_is_good(
        context: dg.AssetCheckExecutionContext, site: dg.ResourceParam[Site]
    ) -> Iterator[dg.AssetCheckResult]:
        """Read the status and pass judgement on each volume."""
        status = read_status(site)
        selected = context.selected_asset_check_keys
        for volume in status.volumes:
            key = names.key(keys.RESTORE_DRILL, volume.name)
            if dg.AssetCheckKey(key, checks.STATUS_IS_GOOD) not in selected:
                continue
            critical = volume.verdict == "CRITICAL"
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=checks.STATUS_IS_GOOD,
                passed=volume.verdict == "GOOD",
                severity=(dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN),
                description="; ".join(volume.reasons) or "GOOD",
                metadata={"status/verdict": volume.verdict},
            )

    return status_is_good
