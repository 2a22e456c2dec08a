"""Which entry of the registry speaks of which volume of the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alt_backup_assets.platforms.live_volumes import PlatformVolume
from alt_backup_assets.registry.volume import Volume


@dataclass(frozen=True)
class Matched:
    """Both sides, put side by side.

    Attributes:
        by_entry: The platform's volume of each entry that has one.
        unknown: The platform's volumes that no entry speaks of.
    """

    by_entry: Mapping[str, PlatformVolume]
    unknown: tuple[PlatformVolume, ...]


def match(entries: Iterable[Volume], volumes: Iterable[PlatformVolume]) -> Matched:
    """Match by exact name: the declared one first, then the full name and what is short for it.

    Each volume answers to one entry, and each entry to one volume: whatever is left over has to
    be looked at by somebody.
    """
    left = list(volumes)
    by_entry: dict[str, PlatformVolume] = {}
    names = [entry.name for entry in entries]
    for depth in range(1 + max((len(volume.aliases) for volume in left), default=0)):
        for name in names:
            found = next((v for v in left if _names(v)[depth : depth + 1] == (name,)), None)
            if name not in by_entry and found is not None:
                by_entry[name] = found
                left.remove(found)
    return Matched(by_entry, tuple(left))


def _names(volume: PlatformVolume) -> tuple[str, ...]:
    return (volume.name, *volume.aliases)
