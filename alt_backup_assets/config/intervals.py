"""How old data may become between the ticks of a cron line.

Thresholds of alerts and of the status follow from this, so that a schedule that changes takes
them along.
Times here have no zone: an hour more or less twice a year is what the slack is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from cronsim import CronSim

_START = datetime(2026, 1, 1)  # noqa: DTZ001 -- the local time of anywhere
_SPAN = timedelta(days=400)
"""More than a year, so that every month and every leap of the week is seen."""


def longest_interval(cron: str) -> timedelta:
    """Return the longest time from one tick of a cron line to the next."""
    return longest_age(cron, of=cron)


@cache
def longest_age(cron: str, *, of: str) -> timedelta:
    """Return the age that handed-on data reaches just before the next time it is handed on.

    Args:
        cron: When data is handed on, five fields.
        of: When the data is taken; a tick takes with it what the newest tick here took.
    """
    taken = CronSim(of, _START)
    held = coming = next(taken)
    longest = timedelta()
    previous: datetime | None = None
    for tick in _ticks(cron):
        if previous is not None:
            longest = max(longest, tick - previous)
        while coming <= tick:
            held, coming = coming, next(taken)
        if held <= tick:
            previous = held
    return longest


def _ticks(cron: str) -> Iterator[datetime]:
    """Yield the ticks of the span, and two at the least."""
    for number, tick in enumerate(CronSim(cron, _START)):
        if tick > _START + _SPAN and number > 1:
            return
        yield tick
