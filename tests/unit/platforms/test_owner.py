"""Whether the owner of a throw-away target is gone."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from alt_backup_assets.platforms.owner import (
    MAX_LIFETIME_SECONDS,
    Owner,
    current_owner,
    is_orphan,
)

US = current_owner()
OLD = MAX_LIFETIME_SECONDS + 1.0
CONTAINER = "0123456789ab"


def test_a_mark_is_read_back_as_it_was_written() -> None:
    """The mark names this process on this machine."""
    assert Owner.parse(f"{US}\n") == US
    assert (US.hostname, US.pid) == (socket.gethostname(), os.getpid())


@pytest.mark.parametrize("text", ["", "a/b", "host/ns/pid/start", "host/ns/1/2/3"])
def test_other_marks_are_none_of_ours(text: str) -> None:
    """What cannot be read is no owner; only age tells that nobody needs it."""
    assert Owner.parse(text) is None
    assert not is_orphan(text, age_seconds=1)
    assert is_orphan(text, age_seconds=OLD)


def test_a_live_process_keeps_its_targets_for_ever() -> None:
    """However old a target is: its owner lives."""
    assert not is_orphan(str(US), age_seconds=OLD)


def test_a_process_that_ended_leaves_orphans() -> None:
    """A process id that is free again means that the owner is gone."""
    with subprocess.Popen(["sleep", "60"]) as child:
        child.kill()
    assert is_orphan(str(replace(US, pid=child.pid)), age_seconds=1)


def test_a_process_id_given_out_again_is_not_the_owner() -> None:
    """Another process of the same number started at another time."""
    assert is_orphan(str(replace(US, started=US.started - 1)), age_seconds=1)


def never(container_id: str) -> bool:
    """Fail: this owner needs no engine."""
    raise AssertionError(container_id)


@pytest.mark.parametrize(
    ("owner", "runs", "young", "old"),
    [
        pytest.param(replace(US, namespace="1"), never, False, True, id="other namespace here"),
        pytest.param(replace(US, hostname="elsewhere"), never, False, True, id="other machine"),
        pytest.param(
            replace(US, hostname="elsewhere"), None, False, True, id="other machine, no engine"
        ),
        pytest.param(
            replace(US, hostname=CONTAINER), lambda _: False, True, True, id="container is gone"
        ),
        pytest.param(
            replace(US, hostname=CONTAINER), lambda _: True, False, True, id="container runs"
        ),
        pytest.param(
            replace(US, hostname=CONTAINER), None, False, True, id="container, no engine to ask"
        ),
    ],
)
def test_an_owner_elsewhere_is_gone_when_its_container_or_its_time_is(
    owner: Owner, runs: Callable[[str], bool] | None, young: bool, old: bool
) -> None:
    """What cannot be seen from here is settled by the engine, else by age."""
    assert is_orphan(str(owner), age_seconds=1, container_runs=runs) is young
    assert is_orphan(str(owner), age_seconds=OLD, container_runs=runs) is old


def test_our_own_container_before_its_restart_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restarted container keeps its name, but none of its processes."""
    monkeypatch.setattr(socket, "gethostname", lambda: CONTAINER)
    before = replace(US, hostname=CONTAINER, namespace="1")
    assert is_orphan(str(before), age_seconds=1, container_runs=never)
