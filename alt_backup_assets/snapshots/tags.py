"""The tags of a snapshot: what it is of, readable without opening it.

Tags never group snapshots for retention (the day would make every group a day long); they let
a listing alone answer which volume, which backup day and which dump.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.tools.restic import Snapshot

SCHEDULED = "scheduled"
LEDGER = "ledger"
CANARY = "canary"
_DUMP = "dump:"


@dataclass(frozen=True)
class DumpTags:
    """The tags of one dump's snapshot.

    Attributes:
        volume: Its volume.
        day: Its backup day as YYYYMMDD, in the configured time zone.
        dump: Its dump id, prefixed.
    """

    volume: str
    day: str
    dump: str

    @classmethod
    def of(cls, record: DumpRecord) -> DumpTags:
        """Return the tags of a dump."""
        day = day_tag(record.backup_day)
        return cls(record.volume, day, f"{_DUMP}{record.volume}:{record.dump_id}")

    @property
    def all(self) -> tuple[str, ...]:
        """As restic gets them."""
        return (SCHEDULED, self.day, self.volume, self.dump)


def day_tag(day: date) -> str:
    """Return a backup day as a tag."""
    return day.strftime("%Y%m%d")


def of_volume(
    snapshots: Iterable[Snapshot], volume: str, *, day: date | None = None
) -> tuple[Snapshot, ...]:
    """Return the snapshots of a volume, of one backup day where given, oldest data first."""
    wanted = {volume} if day is None else {volume, day_tag(day)}
    mine = (snapshot for snapshot in snapshots if wanted <= set(snapshot.tags))
    return tuple(sorted(mine, key=lambda snapshot: snapshot.time))


def by_tag(snapshots: Iterable[Snapshot]) -> dict[str, tuple[Snapshot, ...]]:
    """Sort a listing by each of its tags, so that many volumes cost one pass; oldest data first."""
    found: dict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.time):
        for tag in set(snapshot.tags):
            found[tag].append(snapshot)
    return {tag: tuple(mine) for tag, mine in found.items()}


def volume_of(snapshot: Snapshot) -> str | None:
    """Return the volume a snapshot is of, known to the registry or not; None if of none."""
    dumps = (tag.removeprefix(_DUMP) for tag in snapshot.tags if tag.startswith(_DUMP))
    return next((dump.partition(":")[0] for dump in dumps), None)


def dump_ids(snapshots: Iterable[Snapshot], volume: str) -> frozenset[str]:
    """Return the ids of a volume's dumps that these snapshots hold."""
    prefix = f"{_DUMP}{volume}:"
    return frozenset(
        tag.removeprefix(prefix)
        for snapshot in snapshots
        for tag in snapshot.tags
        if tag.startswith(prefix)
    )
