"""The sensor that pings, on a real instance and a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from alt_backup_assets.config.signals import Pings, Signals
from alt_backup_assets.definitions import pings
from alt_backup_assets.definitions.pings import JOBS
from tests.fakes.receiver import receiving
from tests.unit.definitions.bench import Machine, repository
from tests.unit.definitions.signals_bench import Signalling, secret, with_signals

STARTED = dg.DagsterEventType.RUN_START
SUCCESS = dg.DagsterEventType.RUN_SUCCESS
FAILURE = dg.DagsterEventType.RUN_FAILURE
CANCELED = dg.DagsterEventType.RUN_CANCELED


@pytest.fixture(name="pinged")
def _pinged(two: Machine, tmp_path: Path) -> Iterator[Signalling]:
    with receiving() as receiver:
        files = {
            job: secret(tmp_path, job, f"{receiver.url}/{job}-uuid")
            for job in ("hourly", "daily", "offsite", "verify")
        }
        with_signals(two, Signals(pings=Pings(**files)))
        yield Signalling(two, receiver)


def _run(pinged: Signalling, job: str, *, part: str | None = None) -> str:
    """Add a run of a job of ours; return its id."""
    drawn = repository(pinged.machine.site)
    definition = drawn.get_job(job)
    selection = frozenset({dg.AssetKey(part.split("/"))}) if part else None
    if selection:
        definition = definition.get_subset(asset_selection=selection)
    run = pinged.machine.instance.create_run_for_job(
        definition, tags={"dagster/partition": pinged.machine.today}, asset_selection=selection
    )
    return run.run_id


def _report(pinged: Signalling, run: str, event: dg.DagsterEventType) -> None:
    found = pinged.machine.instance.get_run_by_id(run)
    assert found is not None
    pinged.machine.instance.report_dagster_event(dg.DagsterEvent(event.value, found.job_name), run)


@pytest.mark.parametrize(
    ("job", "address"),
    [("daily_backup", "daily"), ("offsite_copy", "offsite"), ("restore_drill", "verify")],
)
def test_a_job_pings_its_own_address(pinged: Signalling, job: str, address: str) -> None:
    """Start and success, each once, with the id of the run, however often the sensor looks."""
    run = _run(pinged, job)
    for event in (STARTED, SUCCESS):
        _report(pinged, run, event)
        for _ in range(2):
            pinged.tick("pings")
    start, success = pinged.receiver.calls
    assert (start.path, success.path) == (f"/{address}-uuid/start", f"/{address}-uuid")
    assert start.question == success.question == {"rid": [run]}
    assert success.body.splitlines()[-1] == f"{job} {run}: SUCCESS"


@pytest.mark.parametrize("event", [FAILURE, CANCELED])
def test_a_run_that_ended_badly_is_a_failure(
    pinged: Signalling, event: dg.DagsterEventType
) -> None:
    """Failed or cancelled, the job's check goes red at once and does not wait for its time."""
    run = _run(pinged, "daily_backup")
    _report(pinged, run, event)
    pinged.tick("pings")
    (call,) = pinged.receiver.calls
    assert call.path == "/daily-uuid/fail"


def test_a_failure_comes_with_the_tail_of_the_log(pinged: Signalling) -> None:
    """What failed is in the body, so that it can be read where the alarm is."""
    pinged.machine.lose("two")
    assert not pinged.machine.run("daily_backup").success
    pinged.tick("pings")
    (call,) = pinged.receiver.calls
    assert call.path == "/daily-uuid/fail"
    assert "two: dumping" in call.body
    assert "holds no file" in call.body


def test_a_failed_check_is_no_success(pinged: Signalling) -> None:
    """A run that calls itself a success while a check of severity ERROR failed is a failure."""
    instance = pinged.machine.instance
    run = _run(pinged, "offsite_copy")
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["offsite", "one"]),
        check_name="copy_is_fresh",
        passed=False,
        metadata={},
        severity=dg.AssetCheckSeverity.ERROR,
    )
    instance.report_dagster_event(
        dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
            "offsite_copy",
            event_specific_data=evaluation,
        ),
        run,
    )
    _report(pinged, run, SUCCESS)
    pinged.tick("pings")
    assert pinged.receiver.paths == ["/offsite-uuid/fail"]


def test_a_part_of_a_job_says_nothing_of_the_rest(pinged: Signalling) -> None:
    """The drill of one volume that succeeds is logged only; one that fails is a failure."""
    for end in (SUCCESS, FAILURE):
        run = _run(pinged, "restore_drill", part="restore_drill/one")
        for event in (STARTED, end):
            _report(pinged, run, event)
            pinged.tick("pings")
    assert pinged.receiver.paths == ["/verify-uuid/log", "/verify-uuid/fail"]


def test_a_ping_that_did_not_get_through_is_tried_at_the_next_look(pinged: Signalling) -> None:
    """The tick does not fail, and the ping is sent once the service is back."""
    run = _run(pinged, "daily_backup")
    _report(pinged, run, SUCCESS)
    pinged.receiver.answer = (503, "")
    assert pinged.tick("pings") == "0 runs were told"
    pinged.receiver.answer = (200, "OK")
    pinged.receiver.calls.clear()
    for _ in range(2):
        pinged.tick("pings")
    assert pinged.receiver.paths == ["/daily-uuid"]


def test_a_slow_service_does_not_hold_up_the_daemon(
    pinged: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a look has no time for is told by the next one."""
    run = _run(pinged, "daily_backup")
    _report(pinged, run, SUCCESS)
    with monkeypatch.context() as slow:
        slow.setattr(pings, "LONGEST_LOOK_SECONDS", 0.0)
        assert pinged.tick("pings") == "0 runs were told"
    pinged.tick("pings")
    assert pinged.receiver.paths == ["/daily-uuid"]


def test_what_is_no_news_any_more_is_not_told(pinged: Signalling) -> None:
    """A success of yesterday, found by a daemon that was dead, must not quiet the alarm."""
    run = _run(pinged, "daily_backup")
    _report(pinged, run, SUCCESS)
    pinged.machine.clock.ahead = timedelta(hours=2)
    pinged.tick("pings")
    assert pinged.receiver.calls == []


def test_other_runs_ping_nothing(pinged: Signalling) -> None:
    """Neither log rotation nor a selection of assets is the job somebody waits for."""
    pinged.machine.run("log_rotation")
    pinged.machine.run(keys=["dump/one", "snapshot/one"])
    pinged.tick("pings")
    assert pinged.receiver.calls == []


def test_a_job_of_the_same_name_on_another_host_is_not_ours(pinged: Signalling) -> None:
    """With several hosts under one Dagster each pings for its own runs."""
    site = pinged.machine.site
    here = site.config
    run = _run(pinged, "daily_backup")
    _report(pinged, run, SUCCESS)
    pinged.machine.site = type(site)(
        **{**vars(site), "config": here.model_copy(update={"host": "web-2"})}
    )
    pinged.tick("pings")
    assert pinged.receiver.calls == []


def test_the_jobs_are_those_there_are(two: Machine) -> None:
    """No job of the table is misspelled: those that are drawn here are found in it."""
    names = set(repository(two.site).job_names)
    assert {"daily_backup", "offsite_copy", "restore_drill"} <= names & set(JOBS)


def test_the_sensor_is_drawn_where_there_is_an_address(two: Machine, pinged: Signalling) -> None:
    """It runs from the start, and is not there without any address."""
    sensor = repository(two.site).get_sensor_def("pings")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    with_signals(two, Signals())
    assert not repository(two.site).has_sensor_def("pings")
