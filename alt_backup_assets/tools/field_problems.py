"""The wording of what is wrong with a field of an operator's file.

Holds the turning of one of pydantic's errors into one sentence. Add a kind of error here when
pydantic's own words for it would not help an operator. Keep out: rules; they stand beside the
fields they are about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from alt_backup_assets.values import near_miss

_EXPECTED = {
    "bool": "true or false",
    "date": "a day such as 2027-05-31",
    "dict": "a mapping of fields",
    "float": "a number",
    "int": "a whole number",
    "model": "a mapping of fields",
    "path": "a path",
    "string": "text",
    "tuple": "a list",
}
_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have {min_length} characters or more",
    "too_short": "must have {min_length} entries or more",
}


def problem(model: type[BaseModel], content: Mapping[str, object], detail: ErrorDetails) -> str:
    """Word one of pydantic's errors as a sentence that begins with the field.

    Args:
        model: The value that was made of the content.
        content: The fields of the file.
        detail: The error, as ``ValidationError.errors`` gives it.

    Returns:
        The sentence. What the field holds is never quoted: it might be a secret.
    """
    location, kind = detail["loc"], detail["type"]
    if kind.startswith("union_tag"):
        location = (*location, detail["ctx"]["discriminator"].strip("'"))
    if kind == "extra_forbidden":
        said = "is unknown" + near_miss(str(location[-1]), _fields_beside(model, location))
    elif kind in _WORDED:
        said = _WORDED[kind](detail)
    elif kind in _LIMITS:
        said = _LIMITS[kind].format(**detail["ctx"])
    elif (expected := _EXPECTED.get(kind.split("_")[0])) is not None:
        said = _must_be(expected, detail["input"])
    else:
        said = f"is not right: {detail['msg']}"
    return f"field `{_shown(location, content)}` {said}"


def called(given: object) -> str:
    """Return what an operator calls this kind of thing in a file."""
    if given is None:
        return "empty"
    if isinstance(given, bool):
        return "true or false"
    if isinstance(given, int | float):
        return "a number"
    if isinstance(given, Mapping):
        return "a mapping"
    return "a list" if isinstance(given, list) else "text"


def _must_be(expected: str, given: object) -> str:
    quotes = "; put it in quotes" if expected == "text" and isinstance(given, int | float) else ""
    return f"must be {expected}, not {called(given)}{quotes}"


def _shown(location: tuple[int | str, ...], content: Mapping[str, object]) -> str:
    """Word a location as it is in the file: without the tags of pydantic's unions."""
    shown = ""
    here: object = content
    parts = [part for part in location if part != "[key]"]
    for position, part in enumerate(parts):
        if isinstance(part, int):
            shown += f"[{part}]"
            here = here[part] if isinstance(here, list) else None
            continue
        inside = isinstance(here, Mapping) and part in here
        if inside or position == len(parts) - 1:
            shown += f".{part}" if shown else part
            here = here[part] if isinstance(here, Mapping) and inside else None
    return shown


def _fields_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    level: list[type[BaseModel]] = [model]
    for part in location[:-1]:
        fields = [owner.model_fields[part] for owner in level if part in owner.model_fields]
        # no field of that name: a key, an index or a union's tag, on the way to the same models
        level = [inner for field in fields for inner in _models(field.annotation)] or level
    return {name for owner in level for name in owner.model_fields}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _one_of(given: object, expected: str) -> str:
    allowed = re.findall(r"'([^']*)'", expected)
    near = near_miss(given, allowed) if isinstance(given, str) else ""
    return f"must be one of {', '.join(allowed)}{near}"


_WORDED: dict[str, Callable[[ErrorDetails], str]] = {
    "literal_error": lambda detail: _one_of(detail["input"], detail["ctx"]["expected"]),
    "missing": lambda _: "is missing",
    "union_tag_invalid": lambda detail: _one_of(
        detail["ctx"]["tag"], detail["ctx"]["expected_tags"]
    ),
    "union_tag_not_found": lambda _: "is missing",
    "value_error": lambda detail: str(detail["ctx"]["error"]),
}
