"""Removing Dagster's old runs, and only those."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from alt_backup_assets.definitions.log_rotation import Rotated, remove_old_runs, rotate
from tests.unit.definitions.bench import Machine

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


LONG_AGO = datetime.now(UTC) - timedelta(days=90)
LIMIT = datetime.now(UTC) - timedelta(days=30)


def _file(path: Path, *, old: bool = True) -> Path:
    """Write a file, of today or of long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("what was printed")
    if old:
        os.utime(path, (LONG_AGO.timestamp(),) * 2)
    return path


def _storage(instance: dg.DagsterInstance) -> Path:
    manager = instance.compute_log_manager
    assert isinstance(manager, LocalComputeLogManager)
    return Path(manager.get_captured_local_path(["any"], "err")).parent


def _shards(instance: dg.DagsterInstance) -> Path:
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    return Path(storage.path_for_shard("index")).parent


def test_a_removed_run_leaves_no_file_behind(instance: dg.DagsterInstance) -> None:
    """The file of its events, which Dagster empties and leaves, goes too; the index stays."""
    run = _add(instance, dg.DagsterRunStatus.SUCCESS)
    instance.report_engine_event("said", run_id=run, job_name="job")
    assert (_shards(instance) / f"{run}.db").exists()
    remove_old_runs(instance, _cut(instance))
    assert list(_shards(instance).glob(f"{run}*")) == []
    assert (_shards(instance) / "index.db").exists()


def test_old_files_of_no_run_go_with_their_directories(instance: dg.DagsterInstance) -> None:
    """What runs nobody knows any more and ticks of long ago printed is removed."""
    root = _storage(instance)
    names = ("gone/compute_logs/step.err", "gone/compute_logs/step.out.partial")
    printed = [_file(root / name) for name in names]
    tick = _file(root / "repository" / "messages" / "1.out")
    shards = [_file(_shards(instance) / f"gone{end}") for end in (".db", ".db-journal")]
    assert rotate(instance, LIMIT) == Rotated(runs=0, files=5)
    for path in (*printed, tick, *shards, root / "gone", root / "repository"):
        assert not path.exists()
    assert root.exists()


def test_what_is_young_or_of_a_run_that_is_known_stays(instance: dg.DagsterInstance) -> None:
    """Neither today's logs, nor old ones of a run that is still known, nor other files go."""
    root = _storage(instance)
    run = _add(instance, dg.DagsterRunStatus.STARTED)
    kept = [
        _file(root / "gone" / "compute_logs" / "step.err", old=False),
        _file(root / run / "compute_logs" / "step.err"),
        _file(root / "gone" / "result"),
        _file(root / "step.err"),
        _file(_shards(instance) / f"{run}.db"),
        _file(_shards(instance) / "gone.db", old=False),
    ]
    index = _shards(instance) / "index.db"
    os.utime(index, (LONG_AGO.timestamp(),) * 2)
    assert rotate(instance, LIMIT) == Rotated(runs=0, files=0)
    assert all(path.exists() for path in (*kept, index))


def test_an_instance_without_files_is_left_alone() -> None:
    """Where events are in memory or in PostgreSQL there is no file to look for."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert rotate(instance, LIMIT) == Rotated(runs=0, files=0)


def test_the_asset_says_what_it_removed(two: Machine) -> None:
    """It removes what is older than the configured days, and nothing younger."""
    two.run(keys=["dump/one"])
    result = two.run("log_rotation")
    (event,) = result.asset_materializations_for_node("maintenance__log_rotation")
    assert event.metadata["dagster/runs_removed"].value == 0
    two.clock.ahead = timedelta(days=31)
    result = two.run("log_rotation")
    (event,) = result.asset_materializations_for_node("maintenance__log_rotation")
    assert event.metadata["dagster/runs_removed"].value == 2
    assert event.metadata["dagster/files_removed"].value == 0
