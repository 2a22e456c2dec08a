"""Runs that failed or were cancelled, as conditions a person is told of.

A failed run is over once everything it left undone was done by somebody, the command line included.
What failed by a check is told by that check, so that one fault is one message. Keep out: what was
told already.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from alt_backup_assets.definitions import remedies
from alt_backup_assets.definitions.conditions import link
from alt_backup_assets.definitions.runs import Entity, RunDone, ours, read_run, spelled
from alt_backup_assets.signals.condition import Condition
from alt_backup_assets.site import Site

RUN = "run "
"""What the keys of runs begin with; their ids follow."""

LOOKED_BACK = timedelta(days=2)
"""A run that ended before is told no more: by then the data itself is late, and that is."""

_MOST_NAMED = 10
_NO_JOB = "__"
"""What Dagster calls runs begins with, where assets were materialised without a job of ours."""
_ENDED_BADLY = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def run_conditions(
    site: Site, instance: dg.DagsterInstance, graph: AssetGraph, told: Collection[str]
) -> Iterator[Condition]:
    """Read which of our runs ended badly lately, and whether those told of are over.

    Args:
        site: The machine.
        instance: Dagster's.
        graph: Our assets and checks.
        told: The keys of runs that were told of.
    """
    lately = site.now() - LOOKED_BACK
    filters = [dg.RunsFilter(statuses=_ENDED_BADLY, updated_after=lately)]
    if told:
        filters.append(dg.RunsFilter(run_ids=[key.removeprefix(RUN) for key in told]))
    records = {r.dagster_run.run_id: r for each in filters for r in instance.get_run_records(each)}
    for record in sorted(records.values(), key=lambda record: record.storage_id):
        done = read_run(instance, record.dagster_run.run_id)
        spoken_for = done.failed and not done.undone
        if ours(graph, done) and not spoken_for:
            yield _condition(site, instance, record, done)


def _condition(
    site: Site, instance: dg.DagsterInstance, record: dg.RunRecord, done: RunDone
) -> Condition:
    run = record.dagster_run
    canceled = run.status == dg.DagsterRunStatus.CANCELED
    names = sorted(map(spelled, done.undone))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    undone = f"Not done: {', '.join(names[:_MOST_NAMED])}{more}. " if names else ""
    why = "It was cancelled." if canceled else "\n".join(done.errors) or "It says no more."
    ended = "canceled" if canceled else "failed"
    job = "" if run.job_name.startswith(_NO_JOB) else f" of {run.job_name}"
    return Condition(
        key=f"{RUN}{run.run_id}",
        level="good" if _is_over(instance, record, done) else "warning" if canceled else "critical",
        about=f"the {ended} run {run.run_id[:8]}{job}",
        what=f"{undone}{why}",
        remedy=remedies.FAILED_RUN,
        link=link(site, "runs", run.run_id),
    )


def _is_over(instance: dg.DagsterInstance, record: dg.RunRecord, done: RunDone) -> bool:
    ended_at = record.end_time or record.update_timestamp.timestamp()
    if done.undone:
        return all(_done_since(instance, entity, ended_at) for entity in done.undone)
    # Everything was made and the run failed all the same: the next one tells.
    later = dg.RunsFilter(
        job_name=record.dagster_run.job_name,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        updated_after=record.update_timestamp,
    )
    return bool(instance.get_runs(later, limit=1))


def _done_since(instance: dg.DagsterInstance, entity: Entity, moment: float) -> bool:
    if isinstance(entity, dg.AssetKey):
        event = instance.get_latest_materialization_event(entity)
        return event is not None and event.timestamp > moment
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([entity])
    record = found.get(entity)
    return bool(record and record.status in COMPLETED and _event_time(record) > moment)


def _event_time(record: AssetCheckExecutionRecord) -> float:
    # Not that of the record: it is made when the check is planned, and to the second.
    return record.event.timestamp if record.event else 0.0
