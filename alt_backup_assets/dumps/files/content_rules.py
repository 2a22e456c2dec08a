"""What small critical files must be: a token file of 0 bytes never becomes the last good one.

The rules are the registry's. A file's content is looked at and never shown, not even in part.

Source: SPEC section 2, "files".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from alt_backup_assets.registry.volume import ContentRule


def broken_rules(tree: Path, rules: Mapping[str, ContentRule]) -> tuple[str, ...]:
    """Hold the files of a tree to the rules for them.

    Args:
        tree: The copy that is to be kept.
        rules: By path inside the tree.

    Returns:
        A sentence per file that breaks its rule, without any of its content.

    Raises:
        OSError: A file cannot be read.
    """
    found = ((path, _broken(tree, path, rule)) for path, rule in rules.items())
    return tuple(f"{path} {broken}" for path, broken in found if broken)


def _broken(tree: Path, inside: str, rule: ContentRule) -> str | None:
    path = tree / inside
    # A link on the way leads to a file that is not in the dump.
    if path.resolve() != tree.resolve() / inside or not path.is_file():
        return "is missing, or not a plain file of the volume"
    size_bytes = path.stat().st_size
    if size_bytes < rule.min_bytes:
        return f"has {size_bytes} bytes, and must have at least {rule.min_bytes}"
    return _broken_content(path, rule) if rule.format or rule.keys else None


def _broken_content(path: Path, rule: ContentRule) -> str | None:
    form = rule.format or "json"
    try:
        content = _parsed(path, form)
    except ValueError:
        return f"is not {form.upper()}"
    if rule.keys and not isinstance(content, dict):
        return f"holds no mapping with {', '.join(rule.keys)}"
    values = content if isinstance(content, dict) else {}
    empty = [key for key in rule.keys if _is_empty(values.get(key))]
    return f"has nothing under {', '.join(empty)}" if empty else None


def _is_empty(value: object) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())


def _parsed(path: Path, form: str) -> object:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if form == "json" else yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise ValueError from None
