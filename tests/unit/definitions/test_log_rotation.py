"""Removing Dagster's old runs, and only those."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from alt_backup_assets.definitions.maintenance import remove_old_runs

NOT_ENDED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
ENDED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)


@pytest.fixture(name="instance")
def _instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def _add(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    """Add a run that printed something."""
    run = instance.add_run(dg.DagsterRun(job_name="job", status=status))
    manager = instance.compute_log_manager
    assert isinstance(manager, LocalComputeLogManager)
    key = [run.run_id, "compute_logs", "step"]
    log = Path(manager.get_captured_local_path(key, "err"))
    log.parent.mkdir(parents=True)
    log.write_text("what it printed")
    return run.run_id


def _cut(instance: dg.DagsterInstance) -> datetime:
    """Return a moment after everything that was added so far."""
    time.sleep(0.05)
    now = datetime.now(UTC)
    time.sleep(0.05)
    return now


def _logs(root: Path) -> set[str]:
    return {path.parent.parent.name for path in root.rglob("*.err")}


def test_old_runs_that_have_ended_go_with_what_they_printed(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """Runs older than the limit are removed however they ended, logs and all; newer ones stay."""
    old = [_add(instance, status) for status in ENDED]
    limit = _cut(instance)
    new = [_add(instance, status) for status in ENDED]
    assert _logs(tmp_path) == {*old, *new}

    assert remove_old_runs(instance, limit) == len(old)
    assert {run.run_id for run in instance.get_runs()} == set(new)
    assert _logs(tmp_path) == set(new)


def test_a_run_that_has_not_ended_is_never_removed(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """Runs that wait, run or are being cancelled stay, however old."""
    runs = {_add(instance, status) for status in NOT_ENDED}
    assert remove_old_runs(instance, _cut(instance)) == 0
    assert {run.run_id for run in instance.get_runs()} == runs
    assert _logs(tmp_path) == runs
