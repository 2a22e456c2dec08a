"""The hot tier: dumps on this machine's disk, newest last.

One directory per volume, one directory per dump inside it, named by data time. A dump appears
by one rename when everything in it is on the disk; until then it is ``.incoming-*``, which the
next holder of the volume's lock removes. A dump leaves only when it is old enough, a snapshot
holds it, and a newer one is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

from alt_backup_assets.dumps.record import RECORD_NAME, DumpRecord, read_record
from alt_backup_assets.errors import DumpFailed

_INCOMING = ".incoming-"


@dataclass(frozen=True)
class StoredDump:
    """A complete dump on the disk."""

    record: DumpRecord
    directory: Path


@dataclass(frozen=True)
class Shelf:
    """All of one volume's dumps, from one reading.

    Attributes:
        dumps: Those with a sound record, oldest first.
        damaged: The directories whose record is missing or damaged.
    """

    dumps: tuple[StoredDump, ...]
    damaged: tuple[Path, ...]


class DumpStore:
    """The dumps of all volumes under one directory.

    Args:
        root: Made with mode 0700.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def incoming(self, volume: str) -> Iterator[Path]:
        """Hand out an empty directory beside the volume's dumps; it is gone afterwards.

        The volume's lock must be held: what an earlier crash left is removed first.
        """
        home = self._root / volume
        for directory in (self._root, home):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in home.glob(f"{_INCOMING}*"):
            shutil.rmtree(left)
        directory = Path(mkdtemp(prefix=_INCOMING, dir=home))
        try:
            yield directory
        finally:
            if directory.exists():
                shutil.rmtree(directory)

    def keep(self, incoming: Path, record: DumpRecord) -> StoredDump:
        """Write the record and make the dump appear, all of it or nothing."""
        with (incoming / RECORD_NAME).open("x") as stream:
            stream.write(record.model_dump_json(indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        _fsync(incoming)
        final = incoming.parent / record.dump_id
        incoming.rename(final)
        _fsync(final.parent)
        return StoredDump(record, final)

    def shelf(self, volume: str) -> Shelf:
        """Read every dump of a volume once."""
        found = {path: _read(path) for path in self._directories(volume)}
        return Shelf(
            dumps=tuple(dump for dump in found.values() if dump),
            damaged=tuple(path for path, dump in found.items() if dump is None),
        )

    def dumps(self, volume: str) -> tuple[StoredDump, ...]:
        """Return a volume's dumps with a sound record, oldest first."""
        return self.shelf(volume).dumps

    def newest(self, volume: str) -> StoredDump | None:
        """Return a volume's newest dump with a sound record, without reading the older ones."""
        backwards = map(_read, reversed(self._directories(volume)))
        return next((dump for dump in backwards if dump), None)

    def before(self, dump: StoredDump) -> StoredDump | None:
        """Return the dump of the same volume that was taken before this one."""
        taken_at = dump.record.taken_at
        mine = self.dumps(dump.record.volume)
        return next((d for d in reversed(mine) if d.record.taken_at < taken_at), None)

    def damaged(self, volume: str) -> tuple[Path, ...]:
        """Return the directories whose record is missing or damaged."""
        return tuple(path for path in self._directories(volume) if _read(path) is None)

    def _directories(self, volume: str) -> list[Path]:
        return sorted(path for path in (self._root / volume).glob("[!.]*") if path.is_dir())

    def expire(
        self,
        volume: str,
        *,
        keep: timedelta,
        now: datetime,
        held: Collection[str],
        dry_run: bool = False,
    ) -> tuple[str, ...]:
        """Remove old dumps of a volume.

        Args:
            volume: Whose dumps.
            keep: How long a dump stays.
            now: Aware time to count from.
            held: Ids of the dumps that snapshots hold; no other is ever removed.
            dry_run: Remove nothing, only tell.

        Returns:
            The ids removed; the newest dump is never among them.
        """
        old = [
            dump
            for dump in self.dumps(volume)[:-1]
            if dump.record.taken_at < now - keep and dump.record.dump_id in held
        ]
        for dump in () if dry_run else old:
            shutil.rmtree(dump.directory)
        return tuple(dump.record.dump_id for dump in old)


def _read(directory: Path) -> StoredDump | None:
    # A damaged old dump must not keep a new one from being taken; ``damaged`` makes it show.
    try:
        return StoredDump(read_record(directory), directory)
    except DumpFailed:
        return None


def _fsync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
