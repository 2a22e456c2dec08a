"""Waiting for a scripted server: the final one, twice, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from alt_backup_assets.dumps.postgresql import wait
from alt_backup_assets.errors import RestoreFailed, ToolMissing
from tests.fakes.platform import Answer, FakePlace
from tests.fakes.postgresql import VOLUME

UP = Answer(stdout=b"2026-11-24 02:00:00+00\n")
UP_AGAIN = Answer(stdout=b"2026-11-24 02:00:09+00\n")
INITIALISING = Answer(stdout=b"")
REFUSED = Answer(exit_code=2, stderr="connection refused")


@dataclass
class Time:
    """A clock that only moves while somebody sleeps."""

    now: float = 0.0

    def monotonic(self) -> float:
        """Return the time, and let a moment pass."""
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass at once."""
        self.now += seconds


@pytest.fixture(name="time")
def _time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(wait, "monotonic", clock.monotonic)
    monkeypatch.setattr(wait, "sleep", clock.sleep)
    return clock


def _wait(*answers: Answer) -> FakePlace:
    place = FakePlace("db (fake)")
    place.script("psql", answers=answers)
    wait.wait(VOLUME.model_copy(update={"passfile": "/run/pgpass"}), place)
    return place


def test_a_server_that_answers_twice_is_up(time: Time) -> None:
    """A second apart, asked as the dump asks."""
    place = _wait(UP, UP)
    assert len(place.calls) == 2
    assert time.now >= 1
    assert place.calls[0].env == {
        "PGAPPNAME": "alt-backup db_data_17",
        "PGPASSFILE": "/run/pgpass",
    }


@pytest.mark.parametrize(
    "early",
    [
        (REFUSED,),
        (INITIALISING, INITIALISING),
        (UP, UP_AGAIN),
        (UP, REFUSED),
        (Answer(vanish=True),),
        (Answer(too_slow=True),),
        (Answer(exit_code=2, stdout=b"2026-11-24"),),
    ],
    ids=["refused", "initialising", "restarted", "gone", "vanished", "slow", "cut"],
)
def test_a_server_that_is_not_there_for_good_is_waited_for(
    time: Time, early: tuple[Answer, ...]
) -> None:
    """Refusing, initialising, restarted or away: it has to answer twice after that."""
    place = _wait(*early, UP_AGAIN, UP_AGAIN)
    assert len(place.calls) >= len(early) + 1
    assert time.now < 20


@pytest.mark.parametrize(
    ("answer", "said"),
    [(REFUSED, "connection refused"), (INITIALISING, "is initialising its volume")],
)
def test_it_is_not_waited_for_longer_than_two_minutes(
    time: Time, answer: Answer, said: str
) -> None:
    """The last reason is told, and that nothing was loaded."""
    with pytest.raises(RestoreFailed, match=f"within 120 s.*{said}.*nothing was loaded"):
        _wait(answer)
    assert 119 <= time.now < 125


def test_a_service_without_psql_is_not_waited_for(time: Time) -> None:
    """It will not get one by waiting."""
    with pytest.raises(ToolMissing):
        _wait(Answer(missing=True))
    assert time.now < 1
