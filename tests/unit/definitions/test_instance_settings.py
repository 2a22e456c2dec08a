"""The instance settings that ship: they load, and hold what the design relies on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorType, TickStatus

from alt_backup_assets.definitions.jobs import WRITES

SETTINGS = Path(__file__).parents[3] / "dagster.yaml"


@pytest.fixture(name="instance", scope="module")
def _instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    shutil.copy(SETTINGS, home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def test_runs_are_queued_and_those_that_dump_go_one_by_one(instance: dg.DagsterInstance) -> None:
    """Two runs at a time, and for each host one of those with the tag of the jobs that dump."""
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 2
    each = {"applyLimitPerUniqueValue": True}
    assert queue.tag_concurrency_limits == [{"key": WRITES, "value": each, "limit": 1}]


def test_a_run_that_hangs_or_died_is_ended(instance: dg.DagsterInstance) -> None:
    """Runs are monitored, end after six hours, and give their slots back."""
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_settings["max_runtime_seconds"] == 6 * 3600
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 300


def test_only_a_crashed_worker_is_tried_again(instance: dg.DagsterInstance) -> None:
    """Run retries are on for workers that died, and off for steps that failed."""
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure


@pytest.mark.parametrize("kind", [InstigatorType.SCHEDULE, InstigatorType.SENSOR])
def test_ticks_do_not_pile_up(instance: dg.DagsterInstance, kind: InstigatorType) -> None:
    """Every kind of tick is removed after some days, failures last."""
    days = instance.get_tick_retention_settings(kind)
    statuses = (TickStatus.SKIPPED, TickStatus.STARTED, TickStatus.SUCCESS, TickStatus.FAILURE)
    assert all(0 < days[status] <= days[TickStatus.FAILURE] for status in statuses)


def test_nothing_is_reported_to_anybody(instance: dg.DagsterInstance) -> None:
    """Telemetry is off."""
    assert not instance.telemetry_enabled


def test_freshness_is_judged(instance: dg.DagsterInstance) -> None:
    """The freshness policies are evaluated by the daemon."""
    assert instance.freshness_enabled
