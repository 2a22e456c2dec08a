"""The asset by which Prometheus hears: the metrics, every hour.

Keep out: what is in them; ``alt_backup_assets.signals`` says that to the command line too.
"""

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.signals.facts import read_facts
from alt_backup_assets.signals.textfile import write_textfile
from alt_backup_assets.site import Site


def metrics_asset(site: Site) -> dg.AssetsDefinition:
    """Draw the metrics, behind all they speak of."""
    names, planned = Names(site), site.registry.planned
    stages = (keys.OFFSITE, keys.RESTORE_DRILL)

    @dg.asset(
        key=names.key(keys.STATUS, keys.METRICS),
        group_name=keys.STATUS,
        deps=[names.key(stage, volume.name) for stage in stages for volume in planned],
        partitions_def=keys.daily(site),
        kinds={"prometheus"},
    )
    def metrics(
        context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]
    ) -> dg.MaterializeResult[None]:
        """Read what Prometheus is to know, and write the textfile where one is configured."""
        path = site.config.signals.metrics.textfile
        facts = write_textfile(site, path) if path else read_facts(site)
        if path is None:
            context.log.info("signals.metrics.textfile is not set: nothing was written")
        return dg.MaterializeResult(
            metadata={
                "status/verdict": facts.status.verdict,
                "status/reasons": list(facts.status.reasons),
                "metrics/textfile": str(path) if path else "none is configured",
            }
        )

    return metrics
