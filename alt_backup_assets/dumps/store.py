"""The hot tier: dumps on this machine's disk, newest last.

One directory per volume, one directory per dump inside it, named by data time. A dump appears
by one rename when everything in it is on the disk; until then it is ``.incoming-*``, which the
next holder of the volume's lock removes. A dump leaves only when it is old enough, a snapshot
holds it, and a newer one is there. Readers take no lock, so it disappears by one rename too: what
is ``.expired-*`` is removed, at the latest by the next expiry. A new dump does not wait for that.

Beside a dump stands what was found out later: that its source still held the very same data.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

from pydantic import AwareDatetime, ValidationError

from alt_backup_assets.dumps.record import RECORD_NAME, DumpRecord, read_record
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.tools.record_file import fsync_directory, keep
from alt_backup_assets.values import Frozen

_INCOMING = ".incoming-"
_EXPIRED = ".expired-"
_UNCHANGED = ".unchanged.json"


@dataclass(frozen=True)
class StoredDump:
    """A complete dump on the disk.

    Attributes:
        record: What it says about itself.
        directory: Where it is.
        unchanged_at: When its source was last seen to hold the very same data; None for never.
    """

    record: DumpRecord
    directory: Path
    unchanged_at: datetime | None = None

    @property
    def data_at(self) -> datetime:
        """The recovery point: the newest moment whose data this dump is known to hold."""
        return max(self.record.taken_at, self.unchanged_at or self.record.taken_at)


class Unchanged(Frozen):
    """What is kept of a look at the source that found nothing new.

    Attributes:
        dump_id: The dump that holds all there was.
        unchanged_at: When the look began.
    """

    dump_id: str
    unchanged_at: AwareDatetime


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
        for left in home.glob("*.new"):
            left.unlink()
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
        fsync_directory(incoming)
        final = incoming.parent / record.dump_id
        incoming.rename(final)
        fsync_directory(final.parent)
        return StoredDump(record, final)

    def confirm(self, dump: StoredDump, at: datetime) -> StoredDump:
        """Note that the source of a dump still held the very same data. Its lock must be held.

        Args:
            dump: The newest one.
            at: When the look at the source began, aware.
        """
        keep(_unchanged(dump.directory), Unchanged(dump_id=dump.record.dump_id, unchanged_at=at))
        return replace(dump, unchanged_at=at)

    def shelf(self, volume: str) -> Shelf:
        """Read every dump of a volume once."""
        found = {path: _read(path) for path in self._directories(volume)}
        return Shelf(
            dumps=tuple(dump for dump in found.values() if dump),
            damaged=tuple(path for path, dump in found.items() if dump is None and path.is_dir()),
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
        return self.shelf(volume).damaged

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
        """Remove old dumps of a volume. Its lock must be held: what a crash left is removed too.

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
        if not dry_run:
            for dump in old:
                dump.directory.rename(_expired(dump.directory))
                fsync_directory(dump.directory.parent)
                _unchanged(dump.directory).unlink(missing_ok=True)
            for left in (self._root / volume).glob(f"{_EXPIRED}*"):
                shutil.rmtree(left)
        return tuple(dump.record.dump_id for dump in old)


def _read(directory: Path) -> StoredDump | None:
    # A damaged old dump must not keep a new one from being taken; ``damaged`` makes it show.
    try:
        record = read_record(directory)
    except DumpFailed:
        return None
    return StoredDump(record, directory, _unchanged_at(record, directory))


def _unchanged_at(record: DumpRecord, directory: Path) -> datetime | None:
    # One that is damaged, or of another dump, confirms nothing: then the dump's own time counts.
    try:
        found = Unchanged.model_validate_json(_unchanged(directory).read_bytes())
    except (OSError, ValidationError):
        return None
    return found.unchanged_at if found.dump_id == record.dump_id else None


def _expired(directory: Path) -> Path:
    return directory.with_name(_EXPIRED + directory.name)


def _unchanged(directory: Path) -> Path:
    return directory.with_name(directory.name + _UNCHANGED)
