"""Write docs/configuration.md: every field of the configuration and of a registry entry.

Drawn from the models themselves: name, type and default are pydantic's, the sentence is that of
the class's docstring. A test compares the file with what this prints.

    .venv/bin/python scripts/configuration_reference.py > docs/configuration.md
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from alt_backup_assets.config import Configuration
from alt_backup_assets.registry.volume import Entry

_HEADER = """\
# Configuration

Made by `scripts/configuration_reference.py` from the code; a test holds it up to date. Secrets are
only ever paths of files. Relative paths start at the file they stand in. `alt-backup config
validate` names every mistake with field and near miss, `alt-backup config show` prints the files
with every default filled in.
"""


_WORDS = {
    "Path": "path",
    "ZoneInfo": "time zone",
    "bool": "true or false",
    "date": "day",
    "float": "number",
    "int": "whole number",
    "str": "text",
    "timedelta": "duration such as `25h`",
}


def render() -> str:
    """Return the whole page."""
    parts = [_HEADER, "## The configuration file\n", *_tables(Configuration, "")]
    parts += ["## An entry of the registry (`volumes.<name>`)\n", *_tables(Entry, "")]
    return "\n".join(parts).replace("``", "`").rstrip() + "\n"


def _tables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the table of a model, and then those of the models in it."""
    told = _told(model)
    rows, below = [], []
    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        text = told.get(name) or (inner and _sentence(inner[0])) or ""
        rows.append(f"| `{prefix}{name}` | {_kind(field)} | {_default(field)} | {text} |")
        below += [(each, f"{prefix}{name}.") for each in inner]
    yield "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows, ""])
    for each, inside in below:
        yield f"### `{inside[:-1]}`{_which(each)}\n\n{_sentence(each)}\n"
        yield from _tables(each, inside)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _told(model: type[BaseModel]) -> dict[str, str]:
    """Return the sentences under `Attributes:` of a docstring, by name."""
    _, _, listed = (inspect.getdoc(model) or "").partition("Attributes:")
    entries = re.findall(r"^    (\w+): (.*(?:\n {6,}.*)*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()).replace("|", "\\|") for name, text in entries}


def _sentence(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").partition("\n\n")[0].replace("\n", " ")


def _which(model: type[BaseModel]) -> str:
    """Return what chooses this model among several, such as ``kind: docker``."""
    kind = model.model_fields.get("kind")
    return f" with `kind: {typing.get_args(kind.annotation)[0]}`" if kind else ""


def _kind(field: FieldInfo) -> str:
    return "mapping" if list(_models(field.annotation)) else _word(field.annotation)


def _word(annotation: object) -> str:
    """Return a type in an operator's words."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _word(parts[0])
    if origin is typing.Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_word(part) for part in parts if part is not type(None))
    if origin is tuple:
        return f"list of {_word(parts[0])}"
    if origin is dict:
        return f"mapping of {_word(parts[1])}"
    name = getattr(annotation, "__name__", str(annotation))
    return _WORDS.get(name, name)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined or isinstance(default, BaseModel):
        return "-"
    if isinstance(default, tuple | dict) and not default:
        return "none"
    if isinstance(default, timedelta):
        return f"`{default.total_seconds() / 3600:g}h`"
    return f"`{default}`"


if __name__ == "__main__":
    print(render(), end="")
