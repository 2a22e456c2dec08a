"""What a person is to hear of: something that is wrong now, or well again.

Holds the value and how it is worded. Keep out: whether it was told already, which ``told``
knows, and how it is delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alt_backup_assets.values import Frozen

Level = Literal["good", "warning", "critical"]

RANK: dict[Level, int] = {"good": 0, "warning": 1, "critical": 2}
_WORDS: dict[Level, str] = {"good": "RECOVERED", "warning": "WARNING", "critical": "CRITICAL"}


class Condition(Frozen):
    """How one thing is right now.

    Attributes:
        key: Names the thing; the same for as long as it is the same thing.
        level: ``good`` once nothing is wrong with it.
        about: What it is, in a few words.
        what: What was found, in a sentence.
        remedy: What to do.
        link: Where more is to be seen; None for nowhere.
        occurrence: Tells one failure of the thing from the next, where each is to be told;
            empty where it is told once for as long as it lasts.
    """

    key: str
    level: Level
    about: str
    what: str = ""
    remedy: str = ""
    link: str | None = None
    occurrence: str = ""


def check_key(asset: str, check: str) -> str:
    """Return the key of an asset check; Dagster and the command line tell of the same one.

    Args:
        asset: Its path, such as ``restore_drill/db_data``.
        check: Its name.
    """
    return f"check {asset}:{check}"


def worded(platform: str, conditions: Sequence[Condition]) -> tuple[str, str]:
    """Return the title and the text of one message about some conditions, the worst first."""
    ordered = sorted(conditions, key=lambda condition: -RANK[condition.level])
    worst = _WORDS[ordered[0].level]
    about = ordered[0].about if len(ordered) == 1 else f"{len(ordered)} things to know"
    return f"[{platform}] {worst}: {about}", "\n\n".join(map(_paragraph, ordered))


def _paragraph(condition: Condition) -> str:
    if condition.level == "good":
        return " ".join(filter(None, (f"{condition.about}: well again.", condition.link)))
    remedy = f"What to do: {condition.remedy}" if condition.remedy else ""
    first = f"{_WORDS[condition.level]}: {condition.about}"
    return "\n".join(filter(None, (first, condition.what, remedy, condition.link)))
