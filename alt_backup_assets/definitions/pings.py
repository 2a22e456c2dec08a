"""The sensor that pings: what the runs of the jobs did, to the address of each job.

A sensor and not a step: with the daemon or the code location dead nothing is pinged, and the ping
service alarms. A part of a job that fails is a failure of the job; one that succeeds is only
logged there, since it says nothing of the rest. Keep out: how a ping is sent.
"""

import json
import time
from datetime import timedelta
from uuid import UUID

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from alt_backup_assets.definitions.runs import RunDone, ours, read_run
from alt_backup_assets.signals.ping import Event, Job, ping
from alt_backup_assets.site import Site

JOBS: dict[str, Job] = {
    "hourly_dumps": "hourly",
    "daily_backup": "daily",
    "offsite_copy": "offsite",
    "restore_drill": "verify",
    "offsite_drill": "verify",
}

STILL_NEWS = timedelta(hours=1)
"""A ping says that something happens now; later it would only set an alarm back."""

LONGEST_LOOK_SECONDS = 20.0
"""After which the rest waits for the next look: Dagster ends a tick that takes a minute."""

_LINES = 100
_Status = dg.DagsterRunStatus


def pings_sensor(site: Site) -> dg.SensorDefinition:
    """Draw the sensor of a site whose configuration has an address to ping."""

    @dg.sensor(
        name="pings",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Ping what the jobs' runs did since the last look; try again what did not get through."""
        assert context.repository_def is not None, "Dagster evaluates sensors with their location"
        graph = context.repository_def.asset_graph
        before: dict[str, str] = json.loads(context.cursor or "{}")
        after: dict[str, str] = {}
        deadline = time.monotonic() + LONGEST_LOOK_SECONDS
        for run in _runs_lately(site, context.instance):
            status = run.status.value
            is_told = before.get(run.run_id) == status
            if is_told or (time.monotonic() < deadline and _tell(site, context, graph, run)):
                after[run.run_id] = status
            elif run.run_id in before:
                after[run.run_id] = before[run.run_id]
        context.update_cursor(json.dumps(after))
        return dg.SkipReason(f"{len(after.items() - before.items())} runs were told")

    return sensor


def _runs_lately(site: Site, instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Return the jobs' runs that started or ended lately, the oldest first."""
    told = [_Status.STARTED, _Status.SUCCESS, _Status.FAILURE, _Status.CANCELED]
    lately = dg.RunsFilter(statuses=told, updated_after=site.now() - STILL_NEWS)
    records = instance.get_run_records(lately, order_by="update_timestamp", ascending=True)
    return [r.dagster_run for r in records if r.dagster_run.job_name in JOBS]


def _tell(
    site: Site, context: dg.SensorEvaluationContext, graph: AssetGraph, run: dg.DagsterRun
) -> bool:
    """Ping what happened to a run; tell whether there is nothing left to try."""
    done = read_run(context.instance, run.run_id)
    event = event_of(run, done)
    if event is None or not ours(graph, done):
        return True
    problem = ping(
        site.config.signals.pings,
        JOBS[run.job_name],
        event,
        run=UUID(run.run_id),
        said="" if event == "start" else _log(context.instance, run, done),
    )
    if problem:
        context.log.warning("%s; it will be tried again", problem)
    return problem is None


def event_of(run: dg.DagsterRun, done: RunDone) -> Event | None:
    """Return what a run's state means to the ping service; None for nothing.

    A run in which a check of severity ERROR failed is no success, whatever it calls itself.
    """
    is_part = run.asset_selection is not None
    if run.status == _Status.STARTED:
        return None if is_part else "start"
    if run.status == _Status.SUCCESS and not done.failed:
        return "log" if is_part else "success"
    return "fail"


def _log(instance: dg.DagsterInstance, run: dg.DagsterRun, done: RunDone) -> str:
    newest = instance.get_records_for_run(run.run_id, limit=_LINES, ascending=False).records
    lines = [f"{r.event_log_entry.user_message}" for r in reversed(newest)]
    return "\n".join((*lines, *done.errors, f"{run.job_name} {run.run_id}: {run.status.value}"))
