"""Removes what Dagster keeps for ever: old runs with their events, and what was printed.

This product writes no log file of its own: what it says is in Dagster's logs, or in those of
systemd and of the containers, which rotate themselves. Materialisations and checks reported
outside of a run stay: they are the history of the recovery points. Keep out: ticks of schedules and
sensors, which ``dagster.yaml`` limits.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

_PRINTED = re.compile(r".*\.(out|err|complete)(\.partial)?")
_INDEX = "index"
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Rotated:
    """What was removed.

    Attributes:
        runs: Runs with their events.
        files: Files nobody knew any more: logs and events of runs that are gone, logs of ticks.
    """

    runs: int
    files: int


def rotate(instance: dg.DagsterInstance, before: datetime) -> Rotated:
    """Remove runs that ended and were created before a moment, and older files of none.

    Args:
        instance: Dagster's.
        before: Aware time.
    """
    runs = remove_old_runs(instance, before)
    old = [*_old(_printed(instance), before), *_old(_shards(instance), before)]
    ids = sorted({_run_of(found) for found in old})
    known = set(instance.get_run_ids(dg.RunsFilter(run_ids=ids))) if ids else set()
    orphans = [found for found in old if _run_of(found) not in known]
    for found in orphans:
        _remove(found.root, found.path)
    return Rotated(runs, len(orphans))


def remove_old_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Remove finished runs created before a moment, with their events and what they printed.

    Returns:
        How many.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_ENDED, created_before=before))
    for run in runs:
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        instance.delete_run(run.run_id)
    gone = {run.run_id for run in runs}
    for shard in _shards(instance):  # Dagster empties the file of a run's events and leaves it
        if _run_of(shard) in gone:
            _remove(shard.root, shard.path)
    return len(runs)


@dataclass(frozen=True)
class _File:
    root: Path
    path: Path


def _run_of(file: _File) -> str:
    """Return the run a file is named for; that of a tick's log is no run's."""
    return file.path.relative_to(file.root).parts[0].partition(".db")[0]


def _printed(instance: dg.DagsterInstance) -> Iterator[_File]:
    """Return what was printed, where it is on this disk."""
    manager = instance.compute_log_manager
    if isinstance(manager, LocalComputeLogManager):
        root = Path(manager.get_captured_local_path(["any"], "err")).parent
        for path in root.rglob("*"):
            if _PRINTED.fullmatch(path.name) and len(path.relative_to(root).parts) > 1:
                yield _File(root, path)


def _shards(instance: dg.DagsterInstance) -> Iterator[_File]:
    """Return the files of SQLite that hold a run's events each."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        root = Path(storage.path_for_shard(_INDEX)).parent
        for path in root.glob("*.db*"):
            if path.name.partition(".db")[0] != _INDEX:
                yield _File(root, path)


def _old(files: Iterable[_File], before: datetime) -> Iterator[_File]:
    for file in files:
        with suppress(FileNotFoundError):  # somebody else removes too
            if file.path.stat().st_mtime < before.timestamp():
                yield file


def _remove(root: Path, path: Path) -> None:
    """Remove a file, and the directories that are empty without it."""
    path.unlink(missing_ok=True)
    for directory in path.parents:
        if directory == root or any(directory.iterdir()):
            break
        directory.rmdir()
