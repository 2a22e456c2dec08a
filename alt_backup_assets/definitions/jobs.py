"""The jobs: selections of assets that are run together."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.canary import claims_append_only
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.definitions.status import judged
from alt_backup_assets.site import Site

# Dagster exports the function that makes a job but not the type of what it returns.
AssetJob = UnresolvedAssetJobDefinition

WRITES = "alt_backup/writes"
"""The tag of runs that dump: those of one host are queued one behind the other (dagster.yaml)."""

HOST = "alt_backup/host"
"""The tag of all runs of a host, where several share one Dagster."""

SPARING = "alt_backup/spares_unchanged"
"""On a run that takes no dump of a server that has not changed."""

# Volumes run side by side inside a step; a process per step would only cost time.
_EXECUTOR = dg.in_process_executor


def jobs(site: Site) -> dict[str, AssetJob]:
    """Return the jobs by name."""
    names, planned = Names(site), site.registry.planned
    databases = [volume.name for volume in planned if volume.engine == "postgresql"]
    everything = [volume.name for volume in planned]

    def of(stage: str, volumes: list[str]) -> dg.AssetSelection:
        return dg.AssetSelection.assets(*(names.key(stage, name) for name in volumes))

    maintenance = [keys.RETENTION, keys.REPOSITORY_CHECK]
    hourly = of(keys.DUMP, databases)
    if site.config.schedules.hourly_snapshots:
        hourly |= of(keys.SNAPSHOT, databases)
    selections = {
        "daily_backup": of(keys.DUMP, everything)
        | of(keys.SNAPSHOT, everything)
        | (of(keys.MAINTENANCE, maintenance) - dg.AssetSelection.checks(*_tried(site))),
        "log_rotation": of(keys.MAINTENANCE, [keys.LOG_ROTATION]),
        "offsite_copy": of(keys.OFFSITE, everything) | dg.AssetSelection.checks(*_tried(site)),
        "offsite_drill": of(keys.OFFSITE_DRILL, everything),
        "restore_drill": of(keys.RESTORE_DRILL, everything),
        "self_test": of(keys.MAINTENANCE, [keys.SELF_TEST]),
    }
    if databases:
        selections["hourly_dumps"] = hourly
    host = site.config.host
    mine = {HOST: host} if host else {}
    writes = {WRITES: host or "dumps"} | mine
    spares = {SPARING: "true"} if site.config.schedules.hourly_spares_unchanged else {}
    tags = {"daily_backup": writes, "hourly_dumps": writes | spares}
    return {
        name: dg.define_asset_job(
            name,
            selection=selection - dg.AssetSelection.checks(*_judged_apart(site)),
            tags=tags.get(name, mine),
            executor_def=_EXECUTOR,
        )
        for name, selection in selections.items()
    } | {
        "status_checks": dg.define_asset_job(
            "status_checks",
            selection=dg.AssetSelection.checks(*_judged_apart(site))
            | of(keys.STATUS, [keys.METRICS, keys.REPORT]),
            tags=mine,
            executor_def=_EXECUTOR,
        )
    }


def _tried(site: Site) -> list[dg.AssetCheckKey]:
    """Return the check that tries to delete, where it is drawn."""
    key = Names(site).key(keys.MAINTENANCE, keys.RETENTION)
    claimed = claims_append_only(site)
    return [dg.AssetCheckKey(key, checks.COPIES_CANNOT_BE_DELETED)] if claimed else []


def _judged_apart(site: Site) -> list[dg.AssetCheckKey]:
    names = Names(site)
    return [
        *(
            dg.AssetCheckKey(names.key(stage, volume.name), check)
            for volume in site.registry.planned
            for stage, check in judged(site)
        ),
        dg.AssetCheckKey(names.key(keys.MAINTENANCE, keys.RETENTION), checks.NO_DRIFT),
    ]
