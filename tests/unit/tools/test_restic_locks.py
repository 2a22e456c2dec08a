"""A lock is orphaned only where that can be proved."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from alt_backup_assets.tools.restic import Lock
from alt_backup_assets.tools.restic.locks import is_orphaned, process_started_at

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOCK = Lock(time=NOON, hostname="here", username="root", pid=4711)


def _judge(
    lock: Lock = LOCK, *, started: datetime | None = None, gone: tuple[str, ...] = ()
) -> bool:
    return is_orphaned(
        lock, hostname="here", started_at=lambda _: started, host_is_gone=gone.__contains__
    )


def test_a_lock_without_its_process_is_orphaned() -> None:
    """Our host, and no such process."""
    assert _judge(started=None)


def test_a_lock_with_its_process_is_not() -> None:
    """The process was there before the lock."""
    assert not _judge(started=NOON - timedelta(seconds=1))


def test_a_reused_process_number_proves_nothing_alive() -> None:
    """Who started well after the lock was made did not make it; clocks may differ a little."""
    assert _judge(started=NOON + timedelta(hours=1))
    assert not _judge(started=NOON + timedelta(seconds=10))


def test_another_hosts_lock_is_not_orphaned() -> None:
    """That no process here has its number says nothing."""
    there = LOCK.model_copy(update={"hostname": "there"})
    assert not _judge(there, started=None)
    assert _judge(there, gone=("there",))
    assert not _judge(there, gone=("elsewhere",))


def test_its_holder_is_named() -> None:
    """Process, user, host and since when."""
    assert LOCK.holder == "process 4711 of root on here since 2026-11-20 12:00:00+00:00"


def test_our_own_process_started_in_the_past() -> None:
    """It exists, and began before now and not before the machine."""
    started = process_started_at(os.getpid())
    assert started is not None
    assert timedelta(seconds=-2) < datetime.now(UTC) - started < timedelta(hours=6)


def test_a_process_that_ended_is_not_there() -> None:
    """Once waited for, its number stands for nothing."""
    child = subprocess.Popen(["true"])
    child.wait()
    assert process_started_at(child.pid) is None


@pytest.mark.parametrize("failing", ["permission", "proc"])
def test_a_process_whose_start_is_hidden_counts_as_alive(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Where /proc or the kernel does not tell, the lock is left alone."""

    def refuse(_pid: int, _signal: int) -> None:
        if failing == "permission":
            raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    started = process_started_at(2**22 + 1)
    assert started is not None
    assert not _judge(started=started)
