"""What Meilisearch holds: documents and settings of every index, and how many keys.

The same questions at the source and to a server that has loaded the snapshot. Of documents
their number and that of every field is taken; of keys nothing but their number.

Source: Meilisearch API reference, "Indexes", "Stats", "Settings", "Keys".
"""

from __future__ import annotations

import hashlib
import json

from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.tools.http import NOT_FOUND
from alt_backup_assets.tools.meilisearch import NOT_ALLOWED, Answer, Ask, number, results

UNIT = "entries"
KEYS = "API keys"
_DOCUMENTS = "documents of "
_PAGE = 100


def take(ask: Ask, *, keys: bool) -> tuple[Item, ...]:
    """Take the content of every index.

    Args:
        ask: Gets a path.
        keys: Whether the keys are counted too.

    Raises:
        ToolFailed: A question was refused, or answered with something else.
    """
    items: list[Item] = []
    for index in _indexes(ask):
        try:
            items += _index(ask, index)
        except ToolFailed as error:
            if error.exit_code != NOT_FOUND:  # else it was deleted since it was listed
                raise
    if keys:
        items.append(Item(name=KEYS, count=number(ask("/keys?limit=1"), "total")))
    return tuple(sorted(items, key=lambda item: item.name))


def may_list_keys(ask: Ask) -> bool:
    """Tell whether our key may list the keys; a server without a master key has none to list."""
    try:
        ask("/keys?limit=1")
    except ToolFailed as error:
        if error.exit_code in NOT_ALLOWED:
            return False
        raise
    return True


def documents(items: tuple[Item, ...]) -> dict[str, int]:
    """Return how many documents there are, by the name of their part."""
    return {item.name: item.count for item in items if item.name.startswith(_DOCUMENTS)}


def _indexes(ask: Ask) -> list[Answer]:
    found: list[Answer] = []
    while True:
        page = ask(f"/indexes?offset={len(found)}&limit={_PAGE}")
        found += results(page)
        if len(found) >= number(page, "total"):
            return found
        if not results(page):
            raise ToolFailed(
                f"Meilisearch listed {len(found)} of {number(page, 'total')} indexes: run again"
            )


def _index(ask: Ask, index: Answer) -> tuple[Item, Item]:
    uid = str(index.get("uid"))
    stats = ask(f"/indexes/{uid}/stats")
    settings = ask(f"/indexes/{uid}/settings")
    return (
        Item(
            name=f"{_DOCUMENTS}{uid}",
            count=number(stats, "numberOfDocuments"),
            content=_hash(stats.get("fieldDistribution")),
        ),
        Item(
            name=f"settings of {uid}", count=0, content=_hash([index.get("primaryKey"), settings])
        ),
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
