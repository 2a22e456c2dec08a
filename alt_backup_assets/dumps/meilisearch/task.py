"""Has a running Meilisearch write a snapshot, and watches its queue of tasks.

A snapshot is a task, and a task database that is too large blocks it with all other writes: its
size, and the age of what waits in it, are told before that.

Source: Meilisearch API reference, "Snapshots", "Tasks"; LESSONS, item 12.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alt_backup_assets.errors import DumpFailed, ToolFailed
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.http import NOT_FOUND
from alt_backup_assets.tools.meilisearch import Answer, Ask, Server, number, results

# A queue of 976,598 tasks in 15.7 GB is known to have blocked writes and snapshots: a tenth of
# either is told, while there is time to delete what is finished.
_MANY_TASKS = 100_000
_LARGE_BYTES = 1_500_000_000
# Tasks are done in their order: one that waits this long says that the queue grows.
_WAITING = timedelta(hours=1)
_OLD = timedelta(days=30)

_PENDING = "statuses=enqueued,processing"
_GOING_ON = ("enqueued", "processing")
_GIVEN_UP = ("failed", "canceled")


def take_snapshot(server: Server, volume: Volume) -> None:
    """Have the server write a snapshot and wait until it is complete.

    Raises:
        DumpFailed: The task failed, was canceled, is gone, is in no known state, or did not end
            in time: a snapshot that never finished is no dump.
        ToolError: The server refused a call, or did not answer it.
        ServiceVanished: Nothing answers there.
    """
    uid = number(server.post("/snapshots"), "taskUid")
    name = f"{server.http.label}: the snapshot (task {uid})"
    deadline = time.monotonic() + volume.task_timeout_seconds
    while True:
        task = _task(server, uid, name)
        status = task.get("status")
        if status == "succeeded":
            return
        if status in _GIVEN_UP:
            raise DumpFailed(f"{name} {_how(task)}")
        if status not in _GOING_ON:
            raise DumpFailed(f"{name} is in the unknown state {status!r}: is it Meilisearch?")
        if (left := deadline - time.monotonic()) <= 0:
            raise DumpFailed(
                f"{name} was still {status} after {volume.task_timeout_seconds:g} s: set"
                f" task_timeout_seconds of {volume.name} higher, or see what else is in the queue"
                " (GET /tasks?statuses=enqueued,processing)"
            )
        time.sleep(min(volume.poll_seconds, left))


def is_drained(ask: Ask, *, poll_seconds: float, timeout_seconds: float) -> bool:
    """Wait until every task that is in the queue now has ended; tell whether it came to that.

    A snapshot holds tasks that waited when it was taken, and a server that loads it does them:
    the source has the same content once it has done them too.
    """
    newest = results(ask("/tasks?limit=1"))
    if not newest:
        return True
    waiting = f"/tasks?{_PENDING}&from={number(newest[0], 'uid')}&limit=1"
    deadline = time.monotonic() + timeout_seconds
    while results(ask(waiting)):
        if (left := deadline - time.monotonic()) <= 0:
            return False
        time.sleep(min(poll_seconds, left))
    return True


def warnings(ask: Ask, database: Path, now: datetime) -> tuple[str, ...]:
    """Say what is wrong with the task database, and what to do.

    Args:
        ask: Gets a path.
        database: Meilisearch's database, as it is in the volume.
        now: Aware.
    """
    stored = database / "tasks" / "data.mdb"
    size_bytes = stored.stat().st_size if stored.is_file() else 0
    total = number(ask("/tasks?limit=1"), "total")
    found = []
    if total >= _MANY_TASKS or size_bytes >= _LARGE_BYTES:
        before = _moment(now - _OLD)
        old = number(ask(f"/tasks?limit=1&beforeEnqueuedAt={before}"), "total")
        found.append(
            f"Meilisearch's task database has {total} tasks ({old} older than {_OLD.days} days)"
            f" and {size_bytes / 1e9:.1f} GB: when it is full, writes and snapshots stop. Delete"
            " finished tasks:"
            f" DELETE /tasks?statuses=succeeded,failed,canceled&beforeFinishedAt={before}"
        )
    since = _moment(now - _WAITING)
    late = number(ask(f"/tasks?limit=1&{_PENDING}&beforeEnqueuedAt={since}"), "total")
    if late:
        found.append(
            f"{late} tasks of Meilisearch wait for more than {_WAITING.seconds // 3600} hour:"
            " what they write is in no index yet; look at GET /tasks?statuses=processing and at"
            " its log"
        )
    return tuple(found)


def _task(server: Server, uid: int, name: str) -> Answer:
    try:
        return server.get(f"/tasks/{uid}")
    except ToolFailed as error:
        if error.exit_code != NOT_FOUND:
            raise
        raise DumpFailed(
            f"{name} is no longer known: was the task deleted, or the server's data replaced,"
            " meanwhile? Run again"
        ) from None


def _how(task: Answer) -> str:
    error = task.get("error")
    if isinstance(error, dict):
        return f"{task['status']}: {error.get('message')} ({error.get('code')})"
    if task.get("canceledBy") is not None:
        return f"was canceled by task {task['canceledBy']}: run again"
    return f"{task['status']}: Meilisearch said no more: look at its log"


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
