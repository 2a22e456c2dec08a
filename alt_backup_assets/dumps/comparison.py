"""The words of a comparison: what was recorded against what came back.

Every engine's content is compared with these, so that a drill reads the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from alt_backup_assets.values import Frozen


class Compared(Frozen):
    """One line of a drill's table.

    Attributes:
        name: A relation or a file.
        recorded: Rows or bytes when the dump was taken.
        restored: Rows or bytes that came back; None where it is missing.
        equal: Whether all of it, not just this number, is the same.
    """

    name: str
    recorded: int
    restored: int | None
    equal: bool


def changed(kind: str, recorded: Mapping[str, str], restored: Mapping[str, str]) -> list[str]:
    """Return a sentence for every key that is missing, unexpected or has another value.

    Args:
        kind: What a key is, such as ``role``; may be empty where keys say so themselves.
        recorded: Taken from the source.
        restored: Taken from the restored copy.
    """
    prefix = f"{kind} " if kind else ""
    missing = [f"{prefix}{key} is missing" for key in recorded if key not in restored]
    extra = [f"{prefix}{key} was not in the source" for key in restored if key not in recorded]
    other = [
        f"{prefix}{key} differs"
        for key, value in recorded.items()
        if key in restored and restored[key] != value
    ]
    return [*missing, *extra, *other]
