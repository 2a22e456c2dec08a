"""The sensor that has every new snapshot drilled, once, to a verdict.

It looks into the repository and not into Dagster's events: a snapshot the command line took
counts just as well. Each snapshot is one run, by its id as the run key; what failed of the machine
is asked for again under another.
"""

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.assets import SNAPSHOT_TAG
from alt_backup_assets.definitions.jobs import HOST, AssetJob
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.verification.undrilled import Undrilled, undrilled

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def drill_new_snapshots(site: Site, job: AssetJob) -> dg.SensorDefinition:
    """Draw the sensor.

    Args:
        site: The machine.
        job: The job that drills; each run request selects one volume of it.
    """
    names = Names(site)

    @dg.sensor(
        name="drill_new_snapshots",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Ask for a drill of every new snapshot that has no verdict and is not being drilled."""
        under_way = _being_drilled(site, context.instance, job.name)
        requests = [
            dg.RunRequest(
                run_key=_run_key(waiting),
                partition_key=site.day_of(waiting.snapshot.time).isoformat(),
                asset_selection=[key],
                tags={SNAPSHOT_TAG: waiting.snapshot.id},
            )
            for waiting in undrilled(site)
            for key in [names.key(keys.RESTORE_DRILL, waiting.volume)]
            if under_way is not None and key not in under_way
        ]
        return dg.SensorResult(requests) if requests else dg.SkipReason("no new snapshot")

    return sensor


def _run_key(waiting: Undrilled) -> str:
    again = f" again {waiting.attempts}" if waiting.attempts else ""
    return f"{waiting.snapshot.id}{again}"


def _being_drilled(site: Site, instance: dg.DagsterInstance, job: str) -> set[dg.AssetKey] | None:
    """Return the drills that runs under way will do themselves; None where that is all."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
    whole = (run for run in runs if run.job_name == job and run.asset_selection is None)
    if any(run.tags.get(HOST) == site.config.host for run in whole):
        return None
    return {key for run in runs for key in run.asset_selection or ()}
