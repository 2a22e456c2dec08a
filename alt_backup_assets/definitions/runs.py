"""What a run of Dagster was to do, did and found, read from its events.

A run is ours if it was to do anything of ours: this holds for runs of the daemon and of the command
line, and with several hosts under one Dagster too. Keep out: what is made of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

Entity = dg.AssetKey | dg.AssetCheckKey

LONGEST_ERROR = 2_000
"""Characters of an error that a person is told; the whole of it is in Dagster."""

_PLANNED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}
_DONE = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
_FAILED = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


@dataclass(frozen=True)
class RunDone:
    """What became of a run.

    Attributes:
        planned: Assets and checks it was to do.
        done: Assets it materialised and checks it evaluated, however these ended.
        failed: Checks of severity ERROR that did not pass.
        errors: What its steps failed of, then what the run did.
    """

    planned: frozenset[Entity]
    done: frozenset[Entity]
    failed: frozenset[dg.AssetCheckKey]
    errors: tuple[str, ...]

    @property
    def undone(self) -> frozenset[Entity]:
        """What was not done, without what a failed check of the same asset speaks for."""
        spoken_for = {check.asset_key for check in self.failed}
        left = self.planned - self.done
        return frozenset(entity for entity in left if asset_of(entity) not in spoken_for)


def read_run(instance: dg.DagsterInstance, run_id: str) -> RunDone:
    """Read what became of a run."""
    records = instance.get_records_for_run(run_id, of_type=_PLANNED | _DONE | _FAILED).records
    events = [e for r in records if (e := r.event_log_entry.dagster_event)]
    return RunDone(
        planned=frozenset(_entity(e) for e in events if e.event_type in _PLANNED),
        done=frozenset(_entity(e) for e in events if e.event_type in _DONE),
        failed=frozenset(_failed_checks(events)),
        errors=tuple(filter(None, (_error(e) for e in events if e.event_type in _FAILED))),
    )


def ours(graph: AssetGraph, done: RunDone) -> bool:
    """Tell whether a run was to do anything of ours."""
    return any(graph.has(entity) for entity in done.planned)


def asset_of(entity: Entity) -> dg.AssetKey:
    """Return the asset, or that of a check."""
    return entity.asset_key if isinstance(entity, dg.AssetCheckKey) else entity


def spelled(entity: Entity) -> str:
    """Return how an asset or a check is called in a sentence."""
    if isinstance(entity, dg.AssetCheckKey):
        return f"{entity.asset_key.to_user_string()}:{entity.name}"
    return entity.to_user_string()


def _entity(event: dg.DagsterEvent) -> Entity:
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        return event.asset_check_planned_data.asset_check_key
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return event.asset_check_evaluation_data.asset_check_key
    assert event.asset_key is not None, "events of assets name theirs"
    return event.asset_key


def _failed_checks(events: list[dg.DagsterEvent]) -> Iterator[dg.AssetCheckKey]:
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            if not found.passed and found.severity == dg.AssetCheckSeverity.ERROR:
                yield found.asset_check_key


def _error(event: dg.DagsterEvent) -> str:
    """Return what somebody can act on: the message of the first cause, without the stack."""
    if event.event_type == dg.DagsterEventType.STEP_FAILURE:
        error = event.step_failure_data.error
        while error and error.cause:
            error = error.cause
        return error.message.strip()[:LONGEST_ERROR] if error else ""
    return (event.message or "")[:LONGEST_ERROR]
