"""The asset of the verifier's own drill: red when a planted fault was not noticed."""

import dagster as dg

from alt_backup_assets.definitions import keys, metadata
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.verification.self_test.run import self_test as run_self_test


def self_test_asset(site: Site) -> dg.AssetsDefinition:
    """Draw the self-test; it plants in copies of what the snapshots hold."""
    names = Names(site)

    @dg.asset(
        key=names.key(keys.MAINTENANCE, keys.SELF_TEST),
        group_name=keys.MAINTENANCE,
        deps=[names.key(keys.SNAPSHOT, volume.name) for volume in site.registry.planned],
        partitions_def=keys.daily(site),
        kinds={"restic"},
    )
    def self_test(
        context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]
    ) -> dg.MaterializeResult[None]:
        """Faults planted in scratch copies of the smallest dumps; the drill must name each."""
        result = run_self_test(site, notify=context.log.info)
        described = metadata.of_self_test(result)
        if result.verdict != "GOOD":
            raise dg.Failure("\n".join(result.reasons), metadata=described, allow_retries=False)
        return dg.MaterializeResult(metadata=described)

    return self_test
