"""What an engine found in its data, as named parts that can be compared exactly.

One value for every engine whose data is a list of things with a number and a hash: tables, streams,
indexes, blocks. Taken at the source with the dump, and again from the restored copy by the
engine's own programs. PostgreSQL and plain files need more, and have values of their own.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.values import Frozen


class Item(Frozen):
    """One part of the data.

    Attributes:
        name: Such as ``table alt.events``; unique.
        count: How many rows, entries, documents or samples it has.
        content: A hash of all of it; empty where the count is all there is to compare.
        at_most: Set where it grew while the dump was taken, and its exact state in the dump
            cannot be known: anything from ``count`` to this is what was recorded.
    """

    name: str
    count: int
    content: str = ""
    at_most: int | None = None

    def holds(self, restored: Item | None) -> bool:
        """Tell whether a restored part is what was recorded; None for one that is not there."""
        if restored is None:
            return self.count == 0 and self.at_most is not None
        if self.at_most is not None:
            return self.count <= restored.count <= self.at_most
        return (self.count, self.content) == (restored.count, restored.content)


class Inventory(Frozen):
    """The data of one volume, part by part.

    Attributes:
        unit: What ``count`` counts, in the plural.
        items: The parts, in the order of their names.
        settings: How the source was set up, where a throw-away target or a restore must know;
            never a secret, and not compared.
    """

    kind: Literal["inventory"] = "inventory"
    unit: str
    items: tuple[Item, ...]
    settings: dict[str, str] = Field(default_factory=dict)

    def differences(self, restored: Inventory) -> tuple[str, ...]:
        """Return a sentence for every part that did not come back as it was."""
        back = {item.name: item for item in restored.items}
        known = {item.name for item in self.items}
        found = (
            *(self._difference(item, back.get(item.name)) for item in self.items),
            *(f"{name} was not in the source" for name in back if name not in known),
        )
        return tuple(sentence for sentence in found if sentence)

    def _difference(self, item: Item, restored: Item | None) -> str | None:
        if item.holds(restored):
            return None
        if restored is None:
            return f"{item.name} is missing"
        if item.at_most is not None:
            recorded = f"{item.count} to {item.at_most}"
        elif item.count != restored.count:
            recorded = str(item.count)
        else:
            return f"{item.name} has other content in its {item.count} {self.unit}"
        return f"{item.name} has {restored.count} {self.unit}, {recorded} were recorded"

    def counts(self) -> dict[str, int]:
        """Return how much there is, for tables and metadata."""
        return {
            "parts": len(self.items),
            self.unit: sum(item.count for item in self.items),
            "changed_while_read": sum(item.at_most is not None for item in self.items),
        }

    def compared(self, restored: Inventory) -> tuple[Compared, ...]:
        """Return a line per part: its number then and now."""
        back = {item.name: item for item in restored.items}
        return tuple(
            Compared(
                name=item.name,
                recorded=item.count,
                restored=back[item.name].count if item.name in back else None,
                equal=item.holds(back.get(item.name)),
            )
            for item in self.items
        )


def settled(before: tuple[Item, ...], after: tuple[Item, ...]) -> tuple[Item, ...]:
    """Join what was seen before a dump with what was seen after it.

    Args:
        before: The parts as they were when the dump began.
        after: The same when it was complete.

    Returns:
        A part that stayed the same is exact. One that changed meanwhile is known only within
        its two counts; one that came or went meanwhile may hold anything up to its count, or
        be missing.
    """
    first, last = ({item.name: item for item in items} for items in (before, after))
    return tuple(
        _settled(name, first.get(name), last.get(name)) for name in sorted({**first, **last})
    )


def _settled(name: str, before: Item | None, after: Item | None) -> Item:
    if before is not None and before == after:
        return before
    counts = [item.count if item else 0 for item in (before, after)]
    return Item(name=name, count=min(counts), at_most=max(counts))
