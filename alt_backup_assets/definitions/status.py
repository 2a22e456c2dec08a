"""The checks that turn red although nothing ran: every volume's status and copy, every hour.

Dagster's freshness policies judge when an asset was last materialised; these judge the data.
"""

from collections.abc import Iterator

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.report import VolumeStatus


def judged(site: Site) -> list[tuple[str, str]]:
    """Return what is judged of every planned volume: pairs of stage and check name."""
    copies = [(keys.OFFSITE, checks.COPY_IS_FRESH)] if site.offsite else []
    return [(keys.RESTORE_DRILL, checks.STATUS_IS_GOOD), *copies]


def status_checks(site: Site) -> dg.AssetChecksDefinition:
    """Draw the checks per planned volume; one reading of the status serves all of them."""
    names, planned = Names(site), site.registry.planned

    @dg.multi_asset_check(
        name="status_is_good",
        specs=checks.specs(site, planned, judged(site)),
        can_subset=True,
    )
    def status_is_good(
        context: dg.AssetCheckExecutionContext, site: dg.ResourceParam[Site]
    ) -> Iterator[dg.AssetCheckResult]:
        """Read the status and pass judgement on each volume."""
        selected = context.selected_asset_check_keys
        for volume in read_status(site).volumes:
            results = (
                _status_is_good(names.key(keys.RESTORE_DRILL, volume.name), volume),
                checks.copy_is_fresh(
                    site,
                    names.key(keys.OFFSITE, volume.name),
                    site.registry.volume(volume.name),
                    volume.offsite_snapshot_at,
                ),
            )
            yield from (result for result in results if _key(result) in selected)

    return status_is_good


def _status_is_good(key: dg.AssetKey, volume: VolumeStatus) -> dg.AssetCheckResult:
    critical = volume.verdict == "CRITICAL"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=checks.STATUS_IS_GOOD,
        passed=volume.verdict == "GOOD",
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description="; ".join(volume.reasons) or "GOOD",
        metadata={"status/verdict": volume.verdict},
    )


def _key(result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    assert result.asset_key is not None, "it was made with one"
    assert result.check_name is not None, "it was made with one"
    return dg.AssetCheckKey(result.asset_key, result.check_name)
