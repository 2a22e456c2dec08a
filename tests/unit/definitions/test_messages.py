"""The sensor that tells people, on a real instance and a real receiver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from alt_backup_assets.config.signals import Signals
from alt_backup_assets.definitions.checks import RESTORED_CONTENT_MATCHES, SIZE_IS_PLAUSIBLE
from tests.fakes.receiver import receiving
from tests.unit.definitions.bench import Machine, repository
from tests.unit.definitions.signals_bench import Signalling, secret, with_signals

BACKUP = ["dump/one", "snapshot/one", "dump/two", "snapshot/two"]
ONE, TWO = "restore_drill/one", "restore_drill/two"


@pytest.fixture(name="told")
def _told(two: Machine, tmp_path: Path) -> Iterator[Signalling]:
    with receiving() as receiver:
        addresses = secret(tmp_path, "messages", receiver.url.replace("http://", "json://"))
        with_signals(two, Signals(messages=addresses, dagster_url="http://dagster.example"))
        yield Signalling(two, receiver)


def test_two_failed_checks_and_one_recovery_are_exactly_three_messages(told: Signalling) -> None:
    """However often the sensor looks, and although no run evaluated them."""
    told.tick("messages")
    told.report(ONE, RESTORED_CONTENT_MATCHES, passed=False)
    told.report(TWO, RESTORED_CONTENT_MATCHES, passed=False)
    for _ in range(3):
        told.tick("messages")
    told.report(ONE, RESTORED_CONTENT_MATCHES, passed=True)
    told.report(TWO, RESTORED_CONTENT_MATCHES, passed=False)
    for _ in range(3):
        told.tick("messages")
    check = f"the check {RESTORED_CONTENT_MATCHES} of"
    assert told.titles == [
        f"[fake] CRITICAL: {check} {ONE}",
        f"[fake] CRITICAL: {check} {TWO}",
        f"[fake] RECOVERED: {check} {ONE}",
    ]
    assert f"It failed: {RESTORED_CONTENT_MATCHES} was judged" in told.texts[0]
    assert "`alt-backup drill one`" in told.texts[0]
    assert "http://dagster.example/assets/restore_drill/one" in told.texts[0]


def test_nothing_is_told_where_nothing_is_wrong(told: Signalling) -> None:
    """A good day has no message."""
    assert told.machine.run().success
    assert told.tick("messages") == "0 messages were sent"
    assert told.receiver.calls == []


def test_a_warning_is_labelled_as_one(told: Signalling) -> None:
    """A check of severity WARN is told too, and its message does not cry wolf."""
    told.report("dump/one", SIZE_IS_PLAUSIBLE, passed=False, severity=dg.AssetCheckSeverity.WARN)
    told.tick("messages")
    assert told.titles == [f"[fake] WARNING: the check {SIZE_IS_PLAUSIBLE} of dump/one"]


def test_a_drill_that_turns_red_is_one_message(told: Signalling) -> None:
    """The failed check speaks for the run that failed by it; the next proof is the recovery."""
    machine = told.machine
    machine.run(keys=["dump/one", "snapshot/one"])
    (snapshot,) = machine.restic.snapshots(tag="one")
    machine.restic.damage_file(snapshot.id, "files/file", b"something else")
    assert not machine.run(keys=[ONE]).success
    told.tick("messages")
    assert told.titles == [f"[fake] CRITICAL: the check {RESTORED_CONTENT_MATCHES} of {ONE}"]
    machine.restic.damage_file(snapshot.id, "files/file", b"what is in one\n" * 10)
    assert machine.run(keys=[ONE]).success
    told.tick("messages")
    assert len(told.titles) == 2
    assert told.titles[1].startswith("[fake] RECOVERED")


def test_a_failed_run_is_told_once_until_what_it_left_undone_is_done(told: Signalling) -> None:
    """The message names what was not done and why; a later good run is the recovery."""
    machine = told.machine
    machine.lose("two")
    assert not machine.run(keys=BACKUP).success
    for _ in range(2):
        told.tick("messages")
    (title,) = told.titles
    assert re.fullmatch(r"\[fake\] CRITICAL: the failed run \w{8}", title)
    assert "dump/two" in told.texts[0]
    assert "dump/one" not in told.texts[0].splitlines()[1]
    assert "holds no file" in told.texts[0]
    assert "What to do: " in told.texts[0]
    machine.write("two", "it is back\n" * 20)
    assert machine.run(keys=BACKUP).success
    for _ in range(2):
        told.tick("messages")
    assert len(told.titles) == 2
    assert told.titles[1].startswith("[fake] RECOVERED: the failed run ")


def test_every_failed_run_is_told(told: Signalling) -> None:
    """A job that fails again is news; its end of trouble is told for each."""
    told.machine.lose("two")
    for expected in (1, 2):
        told.machine.run("daily_backup")
        told.tick("messages")
        assert len(told.titles) == expected


def test_a_run_of_somebody_else_is_not_ours_to_tell(told: Signalling) -> None:
    """Other code locations under the same Dagster have their own people."""

    @dg.asset
    def strange() -> None:
        raise ValueError("not ours")

    dg.materialize([strange], instance=told.machine.instance, raise_on_error=False)
    told.tick("messages")
    assert told.receiver.calls == []


@pytest.mark.parametrize("host", ["web-1", None])
def test_with_several_hosts_each_tells_of_its_own(told: Signalling, host: str | None) -> None:
    """With a host before its keys a location tells of those keys only."""
    site = told.machine.site
    told.machine.site = type(site)(
        **{**vars(site), "config": site.config.model_copy(update={"host": host})}
    )
    told.report(f"web-1/{ONE}", RESTORED_CONTENT_MATCHES, passed=False)
    told.report(f"web-2/{ONE}", RESTORED_CONTENT_MATCHES, passed=False)
    told.tick("messages")
    assert len(told.titles) == (1 if host else 0)


def test_a_receiver_that_is_away_loses_nothing(told: Signalling) -> None:
    """The tick does not fail; the message goes out when somebody listens again."""
    told.receiver.answer = (503, "")
    told.report(ONE, RESTORED_CONTENT_MATCHES, passed=False)
    for _ in range(2):
        assert "it will be tried again" in told.tick("messages")
    told.receiver.answer = (200, "")
    told.receiver.calls.clear()
    for _ in range(2):
        told.tick("messages")
    assert len(told.titles) == 1


def _freshness(machine: Machine, asset: str, state: FreshnessState) -> None:
    """Report a state of freshness as the daemon does."""
    key = dg.AssetKey(asset.split("/"))
    change = FreshnessStateChange(
        key=key,
        new_state=state,
        previous_state=FreshnessState.PASS,
        state_change_timestamp=machine.site.now().timestamp(),
    )
    machine.instance._report_runless_asset_event(change)


def test_what_goes_stale_is_told_together_and_by_degree(told: Signalling) -> None:
    """WARN, then FAIL, then PASS: three messages, however many assets go stale at once."""
    assets = [f"{stage}/{name}" for stage in ("dump", "snapshot") for name in ("one", "two")]
    for state in (FreshnessState.WARN, FreshnessState.FAIL, FreshnessState.PASS):
        for asset in assets:
            _freshness(told.machine, asset, state)
        for _ in range(2):
            told.tick("messages")
    assert told.titles == [
        "[fake] WARNING: 4 things to know",
        "[fake] CRITICAL: 4 things to know",
        "[fake] RECOVERED: 4 things to know",
    ]
    assert "the freshness of snapshot/two" in told.texts[1]
    assert "`alt-backup status`" in told.texts[1]


def test_a_run_that_was_cancelled_is_a_warning(told: Signalling) -> None:
    """Somebody stopped a job: what it did not do is named."""
    instance, drawn = told.machine.instance, repository(told.machine.site)
    run = instance.create_run_for_job(
        drawn.get_job("offsite_copy"), tags={"dagster/partition": told.machine.today}
    )
    for event in (dg.DagsterEventType.RUN_START, dg.DagsterEventType.RUN_CANCELED):
        instance.report_dagster_event(dg.DagsterEvent(event.value, run.job_name), run.run_id)
    told.tick("messages")
    (title,) = told.titles
    assert title == f"[fake] WARNING: the canceled run {run.run_id[:8]} of offsite_copy"
    assert "offsite/one" in told.texts[0]


def test_the_sensor_is_drawn_where_messages_go_somewhere(two: Machine, told: Signalling) -> None:
    """It runs from the start, every half minute, and is not there without a file of addresses."""
    sensor = repository(two.site).get_sensor_def("messages")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
    with_signals(two, Signals())
    assert not repository(two.site).has_sensor_def("messages")
