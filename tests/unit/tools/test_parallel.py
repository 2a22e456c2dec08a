"""Working side by side: one that fails stops nobody, and leaving early stops everybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.tools import interruption
from alt_backup_assets.tools.parallel import each


def test_everything_is_worked_on() -> None:
    """Each item has its own outcome, with its value and no error."""
    outcomes = list(each(range(5), lambda number: number * 2, workers=2))
    assert {o.item: o.value for o in outcomes} == {0: 0, 1: 2, 2: 4, 3: 6, 4: 8}
    assert {o.message for o in outcomes} == {""}


def test_nothing_to_do_has_no_outcome() -> None:
    """No outcome is made up for work that was never attempted."""
    assert list(each([], str, workers=2)) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DumpFailed("0 bytes were written"), "0 bytes were written"),
        (KeyError("version"), "KeyError: 'version'"),
    ],
)
def test_one_that_fails_stops_no_other(error: Exception, message: str) -> None:
    """The others have their values; the failed one its reason, and a foreign error its type."""

    def work(number: int) -> int:
        if number == 1:
            raise error
        return number

    outcomes = {o.item: o for o in each(range(4), work, workers=2)}
    assert [outcomes[number].value for number in (0, 2, 3)] == [0, 2, 3]
    assert (outcomes[1].value, outcomes[1].message) == (None, message)


def test_when_all_fail_all_have_failed() -> None:
    """No outcome is without its error."""

    def work(number: int) -> int:
        raise DumpFailed(f"no {number}")

    outcomes = list(each(range(3), work, workers=2))
    assert sorted(o.message for o in outcomes) == ["no 0", "no 1", "no 2"]


def test_what_has_ended_is_told_at_once() -> None:
    """Another one still works then."""
    told = threading.Event()

    def work(number: int) -> None:
        assert number == 0 or told.wait(60)

    found = each(range(2), work, workers=2)
    assert next(found).item == 0
    told.set()
    assert [(outcome.item, outcome.error) for outcome in found] == [(1, None)]


def test_no_more_than_the_workers_at_a_time() -> None:
    """As many as asked for run side by side, and never one more."""
    both = threading.Barrier(2)
    running = most = 0
    lock = threading.Lock()

    def work(_number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(5)
        with lock:
            running -= 1

    outcomes = list(each(range(6), work, workers=2))
    assert [o.error for o in outcomes] == [None] * 6
    assert most == 2


def test_leaving_early_stops_what_runs_and_what_waits() -> None:
    """A caller that has enough: what runs is interrupted and what waits never begins."""
    begun: list[int] = []
    interrupted: list[int] = []
    second_runs = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            assert second_runs.wait(5)
            return
        second_runs.set()
        try:
            while True:
                interruption.heed()
                threading.Event().wait(0.01)
        except KeyboardInterrupt:
            interrupted.append(number)
            raise

    outcomes = each(range(8), work, workers=2)
    assert next(outcomes).item == 0
    outcomes.close()  # type: ignore[attr-defined]
    assert 1 in interrupted
    assert set(begun) == {0, *interrupted}
    assert 7 not in begun


def test_what_is_interrupted_inside_begins_nothing_more() -> None:
    """Work that works side by side itself: of its own waiting things none begins any more."""
    begun: list[int] = []
    inside = threading.Event()
    ended: list[BaseException | None] = []

    def part(number: int) -> None:
        begun.append(number)
        inside.set()
        while True:
            interruption.heed()
            threading.Event().wait(0.01)

    def work(number: int) -> None:
        if number == 0:
            assert inside.wait(5)
            return
        ended.extend(outcome.error for outcome in each(range(5), part, workers=1))

    outcomes = each(range(2), work, workers=2)
    assert next(outcomes).item == 0
    outcomes.close()  # type: ignore[attr-defined]
    assert begun == [0]
    assert [type(error) for error in ended] == [KeyboardInterrupt] * 5


def test_interrupted_while_it_is_begun_it_stops_too() -> None:
    """A signal may come before the last one has been handed to a thread."""
    begun, stopped = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(10)
        raise KeyboardInterrupt

    def work(_number: int) -> None:
        begun.set()
        with suppress(KeyboardInterrupt):
            for _ in range(200):
                interruption.heed()
                stopped.wait(0.05)
            return
        stopped.set()

    with pytest.raises(KeyboardInterrupt):
        list(each(items(), work, workers=1))
    assert stopped.is_set()
