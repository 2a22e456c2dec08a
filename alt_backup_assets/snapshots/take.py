"""Takes the restic snapshot of a dump.

Every snapshot of a volume has the same path, whatever dump is in it, so that restic finds the
one before and retention sees one history. The path is a directory of hard links, made for the
moment of the snapshot under the volume's lock.

Source: SPEC section 3; decision record, work package 1A.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.record import RECORD_NAME, artifact_differences
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import DumpFailed, NoDump, RepositoryMissing
from alt_backup_assets.platforms.processes import end_processes_on
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import DumpTags
from alt_backup_assets.tools.restic import Snapshot


@dataclass(frozen=True)
class SnapshotTaken:
    """A dump that is in the repository.

    Attributes:
        snapshot: As the repository holds it.
        dump: What it holds.
        is_new: False where the repository held this very dump already.
    """

    snapshot: Snapshot
    dump: StoredDump
    is_new: bool


def newest_dump(site: Site, volume: Volume) -> StoredDump:
    """Return the newest dump of the current backup day.

    Raises:
        NoDump: There is none of today; an older one would look fresh.
    """
    dumps = store(site).dumps(volume.name)
    if not dumps or dumps[-1].record.backup_day != site.today:
        raise NoDump(
            f"{volume.name} has no dump of {site.today} to take a snapshot of;"
            " materialise the dump first"
        )
    return dumps[-1]


class Held:
    """What the local repository holds, listed once for all volumes of a run.

    The repository is initialised when there is none. What another run puts in meanwhile is not
    seen: then a dump is put in a second time, and nothing is lost.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._listed: tuple[Snapshot, ...] | None = None

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return the listing; one that failed is tried again by whoever asks next.

        Raises:
            RepositoryError: The repository does not open.
        """
        with self._lock:
            if self._listed is None:
                self._listed = self._list()
            return self._listed

    def _list(self) -> tuple[Snapshot, ...]:
        try:
            return self._site.local.snapshots(host=self._site.name)
        except RepositoryMissing:
            self._site.local.init()
            return ()


def put_in(site: Site, volume: Volume, dump: StoredDump, held: Held) -> SnapshotTaken:
    """Put a dump into the local repository. The caller holds the volume's lock.

    Returns:
        The snapshot, which the repository holds; a dump that it held already, all of it, is not
        put in again.

    Raises:
        DumpFailed: The dump on the disk is no longer what was written.
        RepositoryError: restic failed, or saved only a part; what it saved stays.
    """
    record = dump.record
    tags = DumpTags.of(record)
    for snapshot in held.snapshots():
        if tags.dump in snapshot.tags and _is_whole(snapshot, dump):
            return SnapshotTaken(snapshot, dump, is_new=False)
    if differences := artifact_differences(record, dump.directory):
        raise DumpFailed(f"{volume.name}: {'; '.join(differences)}; nothing was put in")
    with _staged(site, volume.name, dump.directory) as path:
        saved = site.local.backup(
            path,
            host=site.name,
            tags=tags.all,
            taken_at=record.taken_at,
            exclude=volume.exclude,
        )
    return SnapshotTaken(saved, dump, is_new=True)


def _is_whole(snapshot: Snapshot, dump: StoredDump) -> bool:
    # One that restic could only make in part stays, with the same tags. (Files the registry
    # excludes make it smaller too; then it is taken again, and nothing is lost.)
    written = dump.record.size_bytes + (dump.directory / RECORD_NAME).stat().st_size
    return snapshot.total_bytes in (None, written)


@contextmanager
def _staged(site: Site, volume: str, dump: Path) -> Iterator[Path]:
    path = site.state / "staging" / volume
    if path.exists():  # a crash left it, and perhaps a restic that still reads it
        end_processes_on(path)
        shutil.rmtree(path)
    shutil.copytree(dump, path, copy_function=os.link, symlinks=True)
    _give_owners(dump, path)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _give_owners(dump: Path, staged: Path) -> None:
    # Links share their owner with the files; directories are made anew, and are root's by then.
    if os.geteuid() != 0:
        return
    for directory in (dump, *dump.rglob("*/")):
        if not directory.is_symlink():
            status = directory.stat()
            os.chown(staged / directory.relative_to(dump), status.st_uid, status.st_gid)
