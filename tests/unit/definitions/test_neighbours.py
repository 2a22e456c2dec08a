"""Hosts under one Dagster miss each other: by the ticks in the storage that they share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from alt_backup_assets.config.signals import Neighbours, Signals
from alt_backup_assets.definitions.neighbours import SENSOR
from tests.fakes.receiver import receiving
from tests.unit.definitions.bench import Machine, evaluations, repository
from tests.unit.definitions.signals_bench import Signalling, secret

NOW = 1_795_000_000.0
METRICS = dg.AssetKey(["amber", "status", "metrics"])
CHECK = dg.AssetCheckKey(METRICS, "neighbours_are_heard")


@pytest.fixture(name="amber")
def _amber(two: Machine, tmp_path: Path) -> Iterator[Signalling]:
    """Return the host `amber`, which watches `birch` and tells people."""
    with receiving() as receiver, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        two.instance = instance  # with ticks, which the one in memory has not
        told = secret(tmp_path, "told", receiver.url.replace("http://", "json://"))
        signals = Signals(messages=told, neighbours=Neighbours(hosts=("birch",)))
        config = two.site.config.model_copy(update={"signals": signals, "host": "amber"})
        two.site = replace(two.site, config=config)
        yield Signalling(two, receiver)


def _tick(machine: Machine, host: str, at: float, status: TickStatus = TickStatus.SKIPPED) -> None:
    """Have the daemon remember a tick of a host's sensor."""
    location = RegisteredCodeLocationOrigin(host)
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), SENSOR)
    state = InstigatorState(
        origin,
        InstigatorType.SENSOR,
        InstigatorStatus.DECLARED_IN_CODE,
        SensorInstigatorData(last_tick_timestamp=at),
    )
    known = machine.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    if state.selector_id not in {each.selector_id for each in known}:
        machine.instance.add_instigator_state(state)
    broken = SerializableErrorInfo("broken", [], None)
    machine.instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=SENSOR,
            instigator_type=InstigatorType.SENSOR,
            status=status,
            timestamp=at,
            selector_id=state.selector_id,
            error=broken if status == TickStatus.FAILURE else None,
        )
    )


def _look(amber: Signalling) -> dg.AssetCheckEvaluation | None:
    """Evaluate the sensor as the daemon does; return what it reports, once it is recorded."""
    machine, drawn = amber.machine, repository(amber.machine.site)
    context = dg.build_sensor_context(
        instance=machine.instance, repository_def=drawn, cursor=amber.cursor
    )
    data = drawn.get_sensor_def(SENSOR).evaluate_tick(context)
    amber.cursor = data.cursor
    for event in data.asset_events:
        assert isinstance(event, dg.AssetCheckEvaluation)
        machine.instance.report_runless_asset_event(event)
        return event
    return None


def test_a_neighbour_that_falls_silent_is_red_once_and_well_again(amber: Signalling) -> None:
    """Heard of: green. Over its time behind this host: red, told once. Back: green, told."""
    _tick(amber.machine, "amber", NOW)
    _tick(amber.machine, "birch", NOW - 300)
    first = _look(amber)
    assert first is not None
    assert first.passed
    assert first.asset_check_key == CHECK

    _tick(amber.machine, "amber", NOW + 1)
    red = _look(amber)
    assert red is not None
    assert not red.passed
    assert red.severity == dg.AssetCheckSeverity.ERROR
    assert red.description == "birch was last heard of at 2026-11-18 11:01 UTC"
    amber.cursor, before = None, amber.cursor
    amber.tick("messages")
    amber.cursor = before
    assert _look(amber) is None, "it is no news any more"

    _tick(amber.machine, "birch", NOW + 2)
    back = _look(amber)
    assert back is not None
    assert back.passed
    amber.tick("messages")
    about = "the check neighbours_are_heard of amber/status/metrics"
    assert amber.titles == [f"[fake] CRITICAL: {about}", f"[fake] RECOVERED: {about}"]
    assert red.description in amber.texts[0]
    assert "run `alt-backup backup` there by hand" in amber.texts[0]


def test_one_that_was_never_there_is_missed(amber: Signalling) -> None:
    """A host that is not in the workspace, or by another name, is red and not forgotten."""
    _tick(amber.machine, "amber", NOW)
    _tick(amber.machine, "birhc", NOW)
    found = _look(amber)
    assert found is not None
    assert not found.passed
    assert str(found.description).startswith("birch was never heard of: is its `location_name`")


def test_a_tick_that_failed_is_no_sign_of_life(amber: Signalling) -> None:
    """What a host's code server answers with an error is not that it is well."""
    _tick(amber.machine, "birch", NOW)
    _tick(amber.machine, "birch", NOW + 400, TickStatus.FAILURE)
    _tick(amber.machine, "amber", NOW + 400)
    found = _look(amber)
    assert found is not None
    assert not found.passed


def test_a_daemon_that_was_away_is_nobodys_silence(amber: Signalling) -> None:
    """Both were heard of long ago, and at the same time: that is no news of the neighbour."""
    _tick(amber.machine, "amber", NOW - 10_000)
    _tick(amber.machine, "birch", NOW - 10_020)
    found = _look(amber)
    assert found is not None
    assert found.passed


def test_the_first_look_is_too_early(amber: Signalling) -> None:
    """Before this host itself was heard of nothing is said of another."""
    assert _look(amber) is None
    _tick(amber.machine, "birch", NOW)
    assert _look(amber) is None


def test_a_host_that_watches_nobody_is_a_sign_of_life_only(amber: Signalling) -> None:
    """It reports nothing, and its metrics have no such check."""
    site = amber.machine.site
    config = site.config.model_copy(update={"signals": Signals()})
    amber.machine.site = replace(site, config=config)
    _tick(amber.machine, "amber", NOW)
    assert _look(amber) is None
    assert CHECK not in repository(amber.machine.site).asset_graph.asset_check_keys


@pytest.mark.parametrize("is_heard", [True, False])
def test_the_job_of_the_checks_judges_it_too(amber: Signalling, *, is_heard: bool) -> None:
    """Every hour, whatever the sensor's memory says."""
    _tick(amber.machine, "amber", NOW)
    if is_heard:
        _tick(amber.machine, "birch", NOW)
    found = evaluations(amber.machine.run("status_checks"))
    assert found["amber/status/metrics:neighbours_are_heard"].passed == is_heard
