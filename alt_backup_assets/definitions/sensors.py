"""The sensor that has every new snapshot drilled, once, to a verdict.

It looks into the repository and not into Dagster's events: a snapshot the command line took
counts just as well. Each snapshot is one run, by its id as the run key; what failed of the machine
is asked for again under another. Runs are what Dagster alone knows: those under way, and those
that failed before there was a proof.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import dagster as dg

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.assets import SNAPSHOT_TAG
from alt_backup_assets.definitions.jobs import HOST, AssetJob
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.verification.undrilled import ATTEMPTS, NEW, Undrilled, undrilled

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

_Runs = Sequence[dg.DagsterRun]


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
        # In this order: a run that goes on meanwhile is then found further on, and never missed.
        failed = _failed(site, context.instance, job.name)
        under_way = context.instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
        drilled, locked = _drilled_by(site, under_way, job.name), _is_locked_by(site, under_way)
        requests = [
            dg.RunRequest(
                run_key=_run_key(waiting, failed),
                partition_key=site.day_of(waiting.snapshot.time).isoformat(),
                asset_selection=[key],
                tags={SNAPSHOT_TAG: waiting.snapshot.id},
            )
            for waiting in undrilled(site)
            for key in [names.key(keys.RESTORE_DRILL, waiting.volume)]
            if drilled is not None and key not in drilled
            if _is_due(waiting, failed.get(waiting.snapshot.id, ()), locked=locked)
        ]
        return dg.SensorResult(requests) if requests else dg.SkipReason("no new snapshot")

    return sensor


def _run_key(waiting: Undrilled, failed: Mapping[str, _Runs]) -> str:
    """Return a key no run has: by the runs alone, for a drill by hand has none."""
    runs = len(failed.get(waiting.snapshot.id, ()))
    return f"{waiting.snapshot.id} again {runs}" if runs else waiting.snapshot.id


def _is_due(waiting: Undrilled, failed: _Runs, *, locked: bool) -> bool:
    """Tell whether to ask now, after these runs."""
    if any(run.is_complete_and_waiting_to_retry for run in failed):
        return False  # its worker died: Dagster itself makes it once more
    if locked and len(failed) > waiting.attempts:
        return False  # one left no proof: the same lock may have been in its way
    return len(failed) < ATTEMPTS


def _failed(site: Site, instance: dg.DagsterInstance, job: str) -> Mapping[str, _Runs]:
    """Return the runs asked for that failed, with or without a proof, by their snapshot."""
    since = site.now() - NEW  # and so is no older than a snapshot that counts
    found = defaultdict(list)
    for run in instance.get_runs(
        dg.RunsFilter(job_name=job, statuses=_FAILED, updated_after=since)
    ):
        if snapshot := run.tags.get(SNAPSHOT_TAG):
            found[snapshot].append(run)
    return found


def _drilled_by(site: Site, under_way: _Runs, job: str) -> set[dg.AssetKey] | None:
    """Return the drills that runs under way will do themselves; None where that is all."""
    if any(_is_whole(site, run, job) for run in under_way):
        return None
    return {key for run in under_way for key in run.asset_selection or ()}


def _is_locked_by(site: Site, under_way: _Runs) -> bool:
    """Tell whether a run under way prunes or checks, which locks every drill out."""
    names = Names(site)
    locking = {names.key(keys.MAINTENANCE, n) for n in (keys.RETENTION, keys.REPOSITORY_CHECK)}
    return any(
        _is_whole(site, run, "daily_backup") or locking & (run.asset_selection or set())
        for run in under_way
    )


def _is_whole(site: Site, run: dg.DagsterRun, job: str) -> bool:
    """Tell whether a run is of this host, and of all of a job."""
    mine = run.tags.get(HOST) == site.config.host
    return mine and run.job_name == job and run.asset_selection is None
