"""The base of every frozen value that is read from a file or written to one.

Holds that base, and the kinds of field that several files share: names that become asset keys,
paths that start at their file, words that become arguments. A validator says what is allowed, as
the end of a sentence that begins with the field. Keep out: what only one file has.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

BASE = "base"
"""Key of the validation context: the directory that relative paths start from."""

_LONGEST_NAME = 128


class Frozen(BaseModel):
    """A value that cannot change and has no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def folded(name: str) -> str:
    """Return what a name has in common with the names that are easily taken for it.

    Case, ``_``, ``-`` and ``.`` do not tell two names apart: Dagster's own names of an asset's
    outputs do not either, and two such volumes could not be loaded.
    """
    return re.sub(r"[-.]", "_", name.lower())


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean `x`?`` with the nearest known name, or nothing at all."""
    by_folded = {folded(candidate): candidate for candidate in known}
    nearest = difflib.get_close_matches(folded(name), by_folded, n=1)
    return f"; did you mean `{by_folded[nearest[0]]}`?" if nearest else ""


def located(value: object, info: ValidationInfo) -> object:
    """Make a path from a file absolute: relative ones start where the file is.

    Raises:
        ValueError: It is empty, begins with ``~`` or has characters nobody can see.
    """
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must not have line breaks or control characters")
    if value.startswith("~"):
        raise ValueError("must be spelled out: what `~` means depends on who runs this")
    base = (info.context or {}).get(BASE)
    return Path(base, value) if base else value


def one_word(value: str) -> str:
    """Return the value, if it can be one argument of a command.

    Raises:
        ValueError: It has blanks or control characters, or looks like an option.
    """
    if re.search(r"\s", value) or not value.isprintable() or value.startswith("-"):
        raise ValueError("must be one word, without blanks")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", value):
        raise ValueError(
            "must be letters, digits, `_`, `.` and `-`, and begin with a letter or digit"
        )
    if len(value) > _LONGEST_NAME:
        raise ValueError(f"must not be longer than {_LONGEST_NAME} characters")
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("must be the name of an environment variable")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s@/?#]+(/[^\s@?#]*)?", value):
        raise ValueError("must be a URL such as http://meilisearch:7700, without user or password")
    return value.rstrip("/")


Name = Annotated[str, AfterValidator(_name)]
"""A name that can be an asset key, a directory and a tag: what Docker allows for volumes."""

LocatedPath = Annotated[Path, BeforeValidator(located)]
"""A path; relative ones start at the directory of the file they stand in."""

Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable."""

Url = Annotated[str, AfterValidator(_url)]
"""Where a service's HTTP interface answers."""
