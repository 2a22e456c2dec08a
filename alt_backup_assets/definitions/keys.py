"""Names: asset keys, groups, partitions. Fixed by the contract; scripts rely on them."""

from datetime import date

import dagster as dg

from alt_backup_assets.site import Site

FIRST_DAY = "2026-01-01"

VOLUME = "volume"
DUMP = "dump"
SNAPSHOT = "snapshot"
OFFSITE = "offsite"
RESTORE_DRILL = "restore_drill"
OFFSITE_DRILL = "offsite_drill"
MAINTENANCE = "maintenance"
STATUS = "status"

RETENTION = "retention"
REPOSITORY_CHECK = "repository_check"
LOG_ROTATION = "log_rotation"
SELF_TEST = "self_test"

REPORT = "report"
METRICS = "metrics"


class Names:
    """The asset keys of one site, with its host in front where several share one Dagster."""

    def __init__(self, site: Site) -> None:
        self._prefix = [site.config.host] if site.config.host else []

    def key(self, stage: str, name: str) -> dg.AssetKey:
        """Return the key of a stage of a volume, or of a maintenance asset."""
        return dg.AssetKey([*self._prefix, stage, name])

    def named(self, context: dg.AssetExecutionContext, stage: str) -> list[str]:
        """Return the names of a stage that this run selected, in a stable order."""
        start = [*self._prefix, stage]
        keys = (list(key.path) for key in context.selected_asset_keys)
        return sorted(path[-1] for path in keys if path[:-1] == start)


def daily(site: Site) -> dg.DailyPartitionsDefinition:
    """Return the partitions: backup days in the configured time zone, today included."""
    return dg.DailyPartitionsDefinition(
        start_date=FIRST_DAY, timezone=site.config.timezone.key, end_offset=1
    )


def day_of(context: dg.AssetExecutionContext) -> date:
    """Return the backup day a run is for."""
    return date.fromisoformat(context.partition_key)
