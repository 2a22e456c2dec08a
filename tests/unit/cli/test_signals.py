"""Ctrl-C and SIGTERM: everything begun cleans up, nothing new begins, the code is 130."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alt_backup_assets.cli.signals import interruptible
from alt_backup_assets.site import Site
from alt_backup_assets.tools import process
from alt_backup_assets.tools.parallel import each
from tests.unit.cli.conftest import Call, Machine


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Let every signal be heard: a shell's background job, as the tests may be, ignores some."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextmanager
def sent(
    number: signal.Signals, *, after_seconds: float, once: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Send this process a signal a moment later, once something is so."""

    def send() -> None:
        deadline = time.monotonic() + 20
        while not once() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    timer = threading.Timer(after_seconds, send)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_runs_in_threads_is_ended_and_cleans_up(number: signal.Signals) -> None:
    """Programs that threads wait for are killed, their clean-up runs, what waits never begins."""
    began: list[int] = []
    cleaned: list[int] = []

    def work(item: int) -> None:
        began.append(item)
        try:
            process.run(["sleep", "60"], timeout_seconds=60)
        finally:
            # Clean-up starts programs too, and is left alone.
            done = process.run(["echo", str(item)], timeout_seconds=10)
            cleaned.append(int(done.stdout))

    def both() -> bool:
        return len(began) == 2

    started = time.monotonic()
    with (
        pytest.raises(KeyboardInterrupt),
        interruptible(),
        sent(number, after_seconds=0.3, once=both),
    ):
        list(each(range(5), work, workers=2))
    assert time.monotonic() - started < 30
    assert sorted(began) == [0, 1]
    assert sorted(cleaned) == [0, 1]


def test_who_waits_for_a_lock_is_interrupted(machine: Machine) -> None:
    """A thread that waits for another run's lock gives up at once."""
    site = machine.site(machine.configuration)

    def work(_item: int) -> None:
        with site.lock("tokens", wait_seconds=60):
            raise AssertionError("somebody else holds it")

    started = time.monotonic()
    with (
        site.lock("tokens"),
        pytest.raises(KeyboardInterrupt),
        interruptible(),
        sent(signal.SIGTERM, after_seconds=0.3),
    ):
        list(each([1], work, workers=1))
    assert time.monotonic() - started < 10


def test_a_caller_that_has_enough_ends_the_rest() -> None:
    """Leaving the loop early is a stop too, and the next pool works as ever."""
    began = []

    def work(item: int) -> int:
        began.append(item)
        if item:
            process.run(["sleep", "60"], timeout_seconds=60)
        return item

    results = each([0, 1, 2, 3], work, workers=2)
    assert next(results).value == 0
    results.close()  # type: ignore[attr-defined]  # a generator, which an Iterator need not be
    assert 3 not in began
    assert [outcome.value for outcome in each([0, 0], work, workers=2)] == [0, 0]


def test_an_interrupted_call_is_130_and_answers(
    machine: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is 130 and the one object says FAILED: it is never taken for good."""
    opened = machine.site

    def interrupted(configuration: Path) -> Site:
        os.kill(os.getpid(), signal.SIGTERM)
        return opened(configuration)

    monkeypatch.setattr(machine, "site", interrupted)
    ran = call("backup", "--json")
    assert ran.code == 130
    assert ran.json["verdict"] == "FAILED"
    assert machine.local.calls == []


def test_a_second_signal_does_not_cut_the_clean_up_short() -> None:
    """Whoever presses Ctrl-C twice still gets a clean machine."""
    cleaned = []

    def interrupted_twice() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt), interruptible():
        interrupted_twice()
    assert cleaned


def test_a_signal_that_is_ignored_stays_so() -> None:
    """What nohup and background jobs rely on is not undone, and handlers are put back."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ours = signal.getsignal(signal.SIGTERM)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) == ours
    finally:
        signal.signal(signal.SIGHUP, before)
