"""The asset that is a page: what the night was like, one click from the graph.

Keep out: what is on the page; ``alt_backup_assets.report`` says that to the command line too.
"""

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.report.summary import summary
from alt_backup_assets.report.write import write_report
from alt_backup_assets.site import Site


def report_asset(site: Site) -> dg.AssetsDefinition:
    """Draw the page. It waits for nothing, since it is needed most when something failed."""

    @dg.asset(
        key=Names(site).key(keys.STATUS, keys.REPORT),
        group_name=keys.STATUS,
        partitions_def=keys.daily(site),
        kinds={"html"},
        op_tags={"dagster/priority": "-1"},  # behind all that can still run in the same run
    )
    def report(site: dg.ResourceParam[Site]) -> dg.MaterializeResult[None]:
        """Write one self-contained HTML page with the verdict, the last days and the drills."""
        written = write_report(site)
        return dg.MaterializeResult(
            metadata={
                "status/verdict": written.report.status.verdict,
                "report/path": dg.MetadataValue.path(str(written.path)),
                "report/summary": dg.MetadataValue.md(summary(written.report)),
            }
        )

    return report
