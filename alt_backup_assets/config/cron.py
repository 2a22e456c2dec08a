"""Cron lines: whether a scheduler can run one.

Holds the check of the five classic fields and nothing else; when the next run is, is the
scheduler's business. Stricter than most: shorthands such as ``@daily`` and ranges that wrap
around are refused, since what they mean differs from one scheduler to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator


@dataclass(frozen=True)
class _Field:
    called: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"allowed are `*`, {self.lowest}-{self.highest}{names}, lists, ranges and steps"

    def number(self, word: str) -> int:
        return self.names.index(word) + self.lowest if word in self.names else int(word)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WORD = "[a-z0-9]+"
_PART = re.compile(
    rf"(?:\*|(?P<first>{_WORD})-(?P<last>{_WORD}))(?:/(?P<step>[0-9]+))?|(?P<only>{_WORD})"
)


def checked_cron_line(line: str) -> str:
    """Return the cron line with single blanks, if its five fields are good.

    Raises:
        ValueError: They are not, or name the 30th of February; the message is the end of a
            sentence.
    """
    texts = line.lower().split()
    if len(texts) != len(_FIELDS):
        raise ValueError("must have five fields: minute, hour, day, month, day of the week")
    _, _, days, months, _ = (
        _numbers(text, field) for text, field in zip(texts, _FIELDS, strict=True)
    )
    if min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError("names a day that none of its months has")
    return " ".join(line.split())


def _numbers(text: str, field: _Field) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        found = _part(part, field)
        if not found:
            raise ValueError(f"has `{part}` as its {field.called}; {field.allowed}")
        numbers.update(found)
    return numbers


def _part(part: str, field: _Field) -> range | None:
    match = _PART.fullmatch(part)
    if match is None:
        return None
    try:
        first = field.number(match["only"] or match["first"] or str(field.lowest))
        last = field.number(match["only"] or match["last"] or str(field.highest))
    except ValueError:
        return None
    step = int(match["step"] or 1)
    if not (field.lowest <= first <= last <= field.highest and 1 <= step <= field.highest):
        return None
    return range(first, last + 1, step)


CronLine = Annotated[str, AfterValidator(checked_cron_line)]
"""Five cron fields that a scheduler takes."""
