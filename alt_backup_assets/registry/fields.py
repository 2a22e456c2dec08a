"""The kinds of field a registry entry has.

Holds one type per kind. A validator says what is allowed, as the end of a sentence that begins
with the field. Keep out: rules that need two fields, which are ``volume``'s.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from alt_backup_assets.values import Name, folded

RESERVED_NAMES = frozenset({"canary", "ledger", "scheduled"})
"""Tags of snapshots that are not a volume's; a date of digits is one too."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _volume_name(value: str) -> str:
    if value.isdigit() or folded(value) in RESERVED_NAMES:
        raise ValueError("cannot be a volume: it is a tag that snapshots use for something else")
    return value


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration such as 90m, 25h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _written(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _day(value: object) -> object:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be a day of the calendar such as 2027-05-31") from None


def _database_name(value: str) -> str:
    # libpq takes "=" and "/" for a connection string, and a leading "-" is an option.
    if not re.fullmatch(r"[^-=/][^=/]{0,62}", value) or not value.isprintable():
        raise ValueError("must be a name of 1 to 63 characters without `=`, `/` or a leading `-`")
    return value


def _compression(value: object) -> object:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    allowed = r"[0-9]|none|gzip:[1-9]|lz4:([1-9]|1[0-2])|zstd:([1-9]|1[0-9]|2[0-2])"
    if not isinstance(text, str) or not re.fullmatch(allowed, text):
        raise ValueError("must be 0 to 9, none, gzip:1-9, lz4:1-12 or zstd:1-22")
    return text


def _passfile(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise ValueError("must be an absolute path inside the service")
    return value


def _inside(value: str) -> str:
    parts = value.split("/")
    if not value.isprintable() or not all(parts) or {".", ".."} & set(parts):
        raise ValueError("must be a path inside the volume, such as snapshots or a/b.json")
    return value


def _pattern(value: str) -> str:
    if value != value.strip() or not value or not value.isprintable():
        raise ValueError("must be a pattern without blanks around it or line breaks in it")
    return value


VolumeName = Annotated[Name, AfterValidator(_volume_name)]
"""A name that is also an asset key, a directory and a tag of snapshots."""

DatabaseName = Annotated[str, AfterValidator(_database_name)]
"""A database or a user, as one argument that libpq takes for nothing else."""

Duration = Annotated[
    timedelta, BeforeValidator(_duration), PlainSerializer(_written, when_used="json")
]
"""A time span, written 90m, 25h or 7d."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day of the calendar, written 2027-05-31."""

Compression = Annotated[str, BeforeValidator(_compression)]
"""pg_dump's ``--compress``: a gzip level, or a method with its level (manual of 16 and later)."""

Passfile = Annotated[str, AfterValidator(_passfile)]
"""A path inside a service."""

PathInside = Annotated[str, AfterValidator(_inside)]
"""A path relative to the root of a volume."""

Pattern = Annotated[str, AfterValidator(_pattern)]
"""One of restic's exclude patterns."""
