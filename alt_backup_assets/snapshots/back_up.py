"""Backs up volumes: each goes on to its snapshot the moment its dump is good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import stamina

from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import require_today, store, take_dump
from alt_backup_assets.errors import AltBackupError, Transient
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag, dump_ids
from alt_backup_assets.snapshots.take import SnapshotTaken, newest_dump, take_snapshot
from alt_backup_assets.tools.parallel import each, in_words

Notify = Callable[[str], object]
"""Takes one line of progress."""


_LOCK_SECONDS = 600
_patiently = stamina.RetryingCaller(attempts=3).on(Transient)


@dataclass(frozen=True)
class BackedUp:
    """How the backup of one volume ended, as far as it got.

    Attributes:
        volume: Its name.
        dump: The dump; None where it failed or was not asked for.
        snapshot: The snapshot; None where it failed or was not asked for.
        error: Why it failed; None where all that was asked for is there.
    """

    volume: str
    dump: StoredDump | None = None
    snapshot: SnapshotTaken | None = None
    error: str | None = None


def back_up(
    site: Site,
    *,
    dumps: Collection[str],
    snapshots: Collection[str],
    day: date,
    root_run: str | None = None,
    notify: Notify,
) -> Iterator[BackedUp]:
    """Dump volumes and take their snapshots, several side by side.

    Args:
        site: The machine.
        dumps: Volumes to dump.
        snapshots: Volumes to take a snapshot of: of the dump just taken, or of the newest one
            of today where no dump is asked for.
        day: The backup day; it must be today.
        root_run: The run this belongs to; a rerun of it does only what is missing.
        notify: Gets a line per step.

    Yields:
        How each volume ended, as it ends. One that fails never stops the others.

    Raises:
        DayIsOver: ``day`` is not today; nothing is attempted.
        ConfigurationError: A name is not that of a planned volume; nothing is attempted.
    """
    require_today(site, day)
    site.local.require_version()
    names = {*dumps, *snapshots}
    wanted = site.registry.select(include=names) if names else ()

    def work(volume: Volume) -> BackedUp:
        return _back_up_one(
            site,
            volume,
            with_dump=volume.name in dumps,
            with_snapshot=volume.name in snapshots,
            day=day,
            root_run=root_run,
            notify=notify,
        )

    for outcome in each(wanted, work, workers=site.config.workers):
        yield outcome.value or BackedUp(outcome.item.name, error=outcome.message)


def _back_up_one(
    site: Site,
    volume: Volume,
    *,
    with_dump: bool,
    with_snapshot: bool,
    day: date,
    root_run: str | None,
    notify: Notify,
) -> BackedUp:
    dump: StoredDump | None = None
    try:
        with site.lock(volume.name, wait_seconds=_LOCK_SECONDS):
            if with_dump:
                notify(f"{volume.name}: dumping")
                dump = _patiently(take_dump, site, volume, day=day, root_run=root_run)
            if not with_snapshot:
                return BackedUp(volume.name, dump)
            notify(f"{volume.name}: taking the snapshot")
            taken = _patiently(take_snapshot, site, volume, dump or newest_dump(site, volume))
            data_time = f"{taken.dump.record.taken_at:%Y-%m-%d %H:%M} UTC"
            notify(f"{volume.name}: snapshot {taken.snapshot.short}, data of {data_time}")
            return BackedUp(volume.name, dump, taken)
    except (AltBackupError, OSError) as error:
        return BackedUp(volume.name, dump, error=in_words(error))


def expire_dumps(site: Site, *, dry_run: bool = False) -> dict[str, tuple[str, ...]]:
    """Remove the dumps on disk that are old, held by a snapshot, and not the newest.

    Args:
        site: The machine.
        dry_run: Remove nothing, only tell.

    Returns:
        The ids removed, by volume.
    """
    listed = by_tag(site.local.snapshots(host=site.name))
    removed = {}
    for volume in site.registry.planned:
        with site.lock(volume.name):
            removed[volume.name] = store(site).expire(
                volume.name,
                keep=timedelta(days=volume.keep_dumps_days),
                now=site.now(),
                held=dump_ids(listed.get(volume.name, ()), volume.name),
                dry_run=dry_run,
            )
    return removed
