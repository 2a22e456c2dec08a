"""The sensor asks for exactly one drill of every new snapshot."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from alt_backup_assets.definitions.jobs import HOST
from alt_backup_assets.errors import RepositoryLocked, RepositoryUnreachable
from alt_backup_assets.verification.undrilled import ATTEMPTS
from tests.fakes.restic import Fault
from tests.unit.definitions.bench import EVERYTHING, Machine, materialised, repository

RUNNING = dg.DagsterEventType.RUN_START
SNAPSHOTS = ["dump/one", "snapshot/one", "dump/two", "snapshot/two"]


def _tick(two: Machine) -> dict[str, dg.RunRequest]:
    """Evaluate the sensor; return the requests by run key."""
    drawn = repository(two.site)
    data = drawn.get_sensor_def("drill_new_snapshots").evaluate_tick(
        dg.build_sensor_context(instance=two.instance, repository_def=drawn)
    )
    return {str(request.run_key): request for request in data.run_requests or ()}


def _id(two: Machine, volume: str) -> str:
    (snapshot,) = two.restic.snapshots(tag=volume)
    return snapshot.id


def _under_way(
    two: Machine,
    job: str,
    *keys: str,
    event: dg.DagsterEventType | None = RUNNING,
    tags: dict[str, str] | None = None,
) -> dg.DagsterRun:
    """Add a run of these keys, or of a whole job, and what happened to it last."""
    selection = frozenset(dg.AssetKey(key.split("/")) for key in keys) or None
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
    run = two.instance.add_run(
        dg.DagsterRun(
            job_name=job,
            asset_selection=selection,
            remote_job_origin=RemoteJobOrigin(origin, job),
            tags=tags or {},
        )
    )
    if event:
        _becomes(two, run, event)
    return run


def _becomes(two: Machine, run: dg.DagsterRun, event: dg.DagsterEventType) -> None:
    two.instance.report_dagster_event(dg.DagsterEvent(event.value, run.job_name), run.run_id)


def _locked_out(two: Machine, request: dg.RunRequest) -> None:
    """Run what was asked for while somebody else holds the repository's lock."""
    two.restic.faults["snapshots"] = Fault(RepositoryLocked("by PID 99"))
    assert not two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags)).success
    two.restic.faults.clear()


def test_every_new_snapshot_becomes_one_request(two: Machine) -> None:
    """Each snapshot without a proof is a run of its own volume, keyed by the snapshot's id."""
    two.run(keys=SNAPSHOTS)
    requests = _tick(two)
    assert set(requests) == {_id(two, "one"), _id(two, "two")}
    request = requests[_id(two, "one")]
    assert request.asset_selection == [dg.AssetKey(["restore_drill", "one"])]
    assert request.partition_key == two.today
    assert request.tags["alt_backup/snapshot"] == _id(two, "one")


def test_the_request_drills_the_snapshot_it_names(two: Machine) -> None:
    """The run that is asked for proves that very snapshot; the next tick asks for nothing."""
    two.run(keys=[*SNAPSHOTS[:2]])
    ((snapshot, request),) = _tick(two).items()
    result = two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags))
    assert materialised(result) == {"restore_drill/one"}
    (event,) = result.asset_materializations_for_node("drill")
    assert event.metadata["restic/snapshot_id"].value == snapshot
    assert _tick(two) == {}


def test_a_proven_snapshot_is_not_drilled_again(two: Machine) -> None:
    """A snapshot that was drilled in the run that took it is left alone."""
    two.run()
    assert _tick(two) == {}


def test_a_snapshot_whose_drill_failed_is_not_drilled_again(two: Machine) -> None:
    """A drill that failed is a proof too: it is not repeated until it happens to be green."""
    two.run(keys=SNAPSHOTS)
    two.restic.damage_file(_id(two, "one"), "files/file", b"something else")
    assert not two.run(keys=["restore_drill/one"]).success
    assert set(_tick(two)) == {_id(two, "two")}


def test_a_drill_the_machine_was_in_the_way_of_is_asked_for_again(two: Machine) -> None:
    """Under another key, since Dagster makes no second run of the same."""
    two.run(keys=SNAPSHOTS[:2])
    ((snapshot, request),) = _tick(two).items()
    two.restic.faults["restore"] = Fault(RepositoryUnreachable("the disk is gone"))
    assert not two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags)).success
    two.restic.faults.clear()
    ((key, request),) = _tick(two).items()
    assert key == f"{snapshot} again 1"
    again = two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags))
    assert materialised(again) == {"restore_drill/one"}
    assert _tick(two) == {}


def test_a_drill_that_could_not_begin_is_asked_for_again(two: Machine) -> None:
    """Under a new key each time, though it left no proof; and not for ever."""
    two.run(keys=SNAPSHOTS[:2])
    asked = []
    while requests := _tick(two):
        ((key, request),) = requests.items()
        asked.append(key)
        assert len(asked) <= ATTEMPTS
        _locked_out(two, request)
    snapshot = _id(two, "one")
    assert asked == [snapshot, f"{snapshot} again 1", f"{snapshot} again 2"]


def test_a_drill_that_could_not_begin_is_proven_the_next_time(two: Machine) -> None:
    """And that is that, whatever failed before."""
    two.run(keys=SNAPSHOTS[:2])
    _locked_out(two, *_tick(two).values())
    ((key, request),) = _tick(two).items()
    assert key == f"{_id(two, 'one')} again 1"
    again = two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags))
    assert materialised(again) == {"restore_drill/one"}
    assert _tick(two) == {}


def test_a_drill_by_hand_that_came_to_no_verdict_uses_up_no_key(two: Machine) -> None:
    """It is an attempt, but no run that was asked for."""
    two.run(keys=SNAPSHOTS[:2])
    two.restic.faults["restore"] = Fault(RepositoryUnreachable("the disk is gone"))
    assert not two.run(keys=["restore_drill/one"]).success
    two.restic.faults.clear()
    ((before, request),) = _tick(two).items()
    _locked_out(two, request)
    ((after, _),) = _tick(two).items()
    assert before != after


def test_a_run_that_was_cancelled_is_an_attempt(two: Machine) -> None:
    """While it is being cancelled it is waited for."""
    two.run(keys=SNAPSHOTS[:2])
    ((snapshot, request),) = _tick(two).items()
    event, tags = dg.DagsterEventType.RUN_CANCELING, dict(request.tags)
    run = _under_way(two, "restore_drill", "restore_drill/one", event=event, tags=tags)
    assert _tick(two) == {}
    _becomes(two, run, dg.DagsterEventType.RUN_CANCELED)
    assert set(_tick(two)) == {f"{snapshot} again 1"}


def test_what_dagster_runs_again_itself_is_left_to_it(two: Machine) -> None:
    """A run whose worker died: before the new run, and while there is one; both are attempts."""
    two.run(keys=SNAPSHOTS[:2])
    ((snapshot, request),) = _tick(two).items()
    failed, tags = dg.DagsterEventType.RUN_FAILURE, dict(request.tags)
    drill = ("restore_drill", "restore_drill/one")
    died = _under_way(two, *drill, event=failed, tags=tags | {"dagster/will_retry": "true"})
    assert _tick(two) == {}
    retry = _under_way(two, *drill, tags=tags)
    two.instance.add_run_tags(died.run_id, {"dagster/auto_retry_run_id": retry.run_id})
    assert _tick(two) == {}
    _becomes(two, retry, failed)
    assert set(_tick(two)) == {f"{snapshot} again 2"}


@pytest.mark.parametrize(
    ("job", "keys"), [("daily_backup", ()), (EVERYTHING, ("maintenance/repository_check",))]
)
def test_what_was_locked_out_is_not_asked_for_again_into_the_same_lock(
    two: Machine, job: str, keys: tuple[str, ...]
) -> None:
    """A check takes longer than three drills wait; those not tried yet are asked for."""
    two.run(keys=SNAPSHOTS)
    one, other = _id(two, "one"), _id(two, "two")
    run = _under_way(two, job, *keys)
    _locked_out(two, _tick(two)[one])
    assert set(_tick(two)) == {other}
    _becomes(two, run, dg.DagsterEventType.RUN_SUCCESS)
    assert set(_tick(two)) == {f"{one} again 1", other}


def test_a_backup_holds_up_no_drill_that_came_to_no_verdict(two: Machine) -> None:
    """That one got at the repository: it is something else that was in its way."""
    two.run(keys=SNAPSHOTS[:2])
    ((snapshot, request),) = _tick(two).items()
    two.restic.faults["restore"] = Fault(RepositoryUnreachable("the disk is gone"))
    two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags))
    two.restic.faults.clear()
    _under_way(two, "daily_backup")
    assert set(_tick(two)) == {f"{snapshot} again 1"}


def test_a_request_that_is_late_does_not_drill_twice(two: Machine) -> None:
    """A run asked for before another one proved the snapshot finds that and does nothing."""
    two.run(keys=SNAPSHOTS[:2])
    ((_, request),) = _tick(two).items()
    two.run(keys=["restore_drill/one"])
    late = two.run("restore_drill", keys=["restore_drill/one"], tags=dict(request.tags))
    assert late.success
    assert materialised(late) == set()


@pytest.mark.parametrize(
    "event",
    [
        None,
        dg.DagsterEventType.RUN_ENQUEUED,
        dg.DagsterEventType.RUN_STARTING,
        dg.DagsterEventType.RUN_START,
    ],
    ids=["not started", "queued", "starting", "running"],
)
def test_a_run_that_will_drill_it_is_waited_for(
    two: Machine, event: dg.DagsterEventType | None
) -> None:
    """While a run that drills a volume is under way only the others are asked for."""
    two.run(keys=SNAPSHOTS)
    _under_way(two, EVERYTHING, "snapshot/one", "restore_drill/one", event=event)
    assert set(_tick(two)) == {_id(two, "two")}


def test_the_weekly_drill_is_waited_for(two: Machine) -> None:
    """While the drill of everything is under way nothing is asked for."""
    two.run(keys=SNAPSHOTS)
    _under_way(two, "restore_drill")
    assert _tick(two) == {}


def test_the_weekly_drill_of_another_host_is_not_waited_for(two: Machine) -> None:
    """Under one Dagster each host waits for its own runs only."""
    two.run(keys=SNAPSHOTS)
    config = two.site.config.model_copy(update={"host": "amber"})
    two.site = replace(two.site, config=config)
    _under_way(two, "restore_drill", tags={HOST: "birch"})
    assert set(_tick(two)) == {_id(two, "one"), _id(two, "two")}
    _under_way(two, "restore_drill", tags={HOST: "amber"})
    assert _tick(two) == {}


def test_a_run_that_does_not_drill_is_not_waited_for(two: Machine) -> None:
    """A backup under way, or a drill that has ended, holds up no drill."""
    two.run(keys=SNAPSHOTS)
    _under_way(two, "daily_backup")
    _under_way(two, "restore_drill", event=dg.DagsterEventType.RUN_FAILURE)
    assert set(_tick(two)) == {_id(two, "one"), _id(two, "two")}


def test_a_repository_that_does_not_open_fails_the_tick(two: Machine) -> None:
    """An unreadable repository is an error of the tick and never "no new snapshot"."""
    two.run(keys=SNAPSHOTS)
    two.restic.faults["snapshots"] = Fault(RepositoryUnreachable("the disk is gone"))
    with pytest.raises(RepositoryUnreachable, match="the disk is gone"):
        _tick(two)


def test_the_sensor_is_on_from_the_start(two: Machine) -> None:
    """The sensor runs unless an operator stops it, every 30 seconds."""
    sensor = repository(two.site).get_sensor_def("drill_new_snapshots")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
