"""YAML files, read strictly into values.

Only what YAML 1.2 calls true, false, null and numbers are such; everything else is text, so
that a volume named ``no`` stays one. Keep out: what any one file means, and the wording of a
wrong field (``field_problems``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.tools.field_problems import called, problem
from alt_backup_assets.values import BASE

_Model = TypeVar("_Model", bound=BaseModel)

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """A safe loader with the plain values of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (pyyaml's own class attribute, made anew)


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?", list("-+0123456789")),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), _first)


def read_mapping(path: Path) -> dict[str, object]:
    """Read a YAML file whose content is one mapping.

    Args:
        path: The file.

    Returns:
        Its fields; the keys of every mapping in it are text, and none is there twice.

    Raises:
        ConfigurationError: It is not there, not readable, not UTF-8, not YAML or not a
            mapping; the message names the file, and the line where there is one.
    """
    text = _text(path)
    try:
        content = _content(text, path)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(f"{path}:{line}: control characters are not allowed") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{place}: this is not YAML: {error.problem}") from None
    if content is None:
        raise ConfigurationError(f"{path}: the file is empty")
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must be a mapping of fields, not {called(content)}")
    return content


def validated(
    model: type[_Model], content: Mapping[str, object], path: Path, *, also: Sequence[str] = ()
) -> _Model:
    """Turn a file's content into a value, or word everything that is wrong with it.

    Args:
        model: The value's class.
        content: The fields, as ``read_mapping`` returns them.
        path: The file; relative paths in it start at its directory.
        also: Problems the caller found itself, reported with the others.

    Raises:
        ConfigurationError: One line per problem, each with file and field.
    """
    problems = list(also)
    try:
        value = model.model_validate(content, context={BASE: path.absolute().parent})
    except ValidationError as error:
        problems += (problem(model, content, detail) for detail in error.errors())
    if problems:
        raise ConfigurationError("\n".join(f"{path}: {found}" for found in problems))
    return value


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: this is a directory, not a file") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: this is not UTF-8") from None


def _content(text: str, path: Path) -> object:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _refuse_ambiguous(loader, root, path, set())
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _refuse_ambiguous(loader: _Loader, node: yaml.Node, path: Path, seen: set[int]) -> None:
    """Refuse tags, keys that are not text and keys that are there twice, before any merging."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if node.tag != _plain_tag(loader, node):
        line = node.start_mark.line + 1
        raise ConfigurationError(f"{path}:{line}: tags such as `{node.tag}` are not used here")
    inside: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        inside = node.value
    elif isinstance(node, yaml.MappingNode):
        _refuse_keys(node, path)
        inside = [value for _, value in node.value]
    for inner in inside:
        _refuse_ambiguous(loader, inner, path, seen)


def _refuse_keys(node: yaml.MappingNode, path: Path) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
            raise ConfigurationError(f"{path}:{line}: a key must be text; put it in quotes")
        if key.value in lines:
            first = lines[key.value]
            raise ConfigurationError(
                f"{path}:{line}: `{key.value}` is there twice, first in line {first}"
            )
        lines[key.value] = line


def _plain_tag(loader: _Loader, node: yaml.Node) -> str:
    implicit = (True, False)
    if isinstance(node, yaml.ScalarNode):
        implicit = (node.style is None, node.style is not None)
    tag: str = loader.resolve(type(node), node.value, implicit)  # type: ignore[no-untyped-call]
    return tag
