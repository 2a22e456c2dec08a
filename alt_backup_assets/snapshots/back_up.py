"""Backs up volumes: each goes on to its snapshot the moment its dump is good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import stamina

from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import require_today, store, take_dump
from alt_backup_assets.dumps.unchanged import unchanged_dump
from alt_backup_assets.errors import AltBackupError, Transient, VolumeBusy
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag, dump_ids
from alt_backup_assets.snapshots.take import Held, SnapshotTaken, newest_dump, put_in
from alt_backup_assets.tools.parallel import each, in_words
from alt_backup_assets.tools.restic import Snapshot

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
    spare_unchanged: bool = False,
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
        spare_unchanged: Take no dump where the newest one of the day holds all there is now;
            that one is what the volume ends with.
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

    held = Held(site)

    def work(volume: Volume) -> BackedUp:
        return _work_on(
            site,
            volume,
            with_dump=volume.name in dumps,
            held=held if volume.name in snapshots else None,
            day=day,
            root_run=root_run,
            spare_unchanged=spare_unchanged,
            notify=notify,
        )

    for outcome in each(wanted, work, workers=site.config.workers):
        yield outcome.value or BackedUp(outcome.item.name, error=outcome.message)


def _work_on(
    site: Site,
    volume: Volume,
    *,
    with_dump: bool,
    held: Held | None,
    day: date,
    root_run: str | None,
    spare_unchanged: bool,
    notify: Notify,
) -> BackedUp:
    dump: StoredDump | None = None
    try:
        with site.lock(volume.name, wait_seconds=_LOCK_SECONDS):
            if with_dump:
                dump = unchanged_dump(site, volume, day=day) if spare_unchanged else None
                said = f"unchanged since {_moment(dump.record.taken_at)}" if dump else "dumping"
                notify(f"{volume.name}: {said}")
                dump = dump or _patiently(take_dump, site, volume, day=day, root_run=root_run)
            if held is None:
                return BackedUp(volume.name, dump)
            notify(f"{volume.name}: taking the snapshot")
            taken = _patiently(put_in, site, volume, dump or newest_dump(site, volume), held)
    except (AltBackupError, OSError) as error:
        return BackedUp(volume.name, dump, error=in_words(error))
    data_time = _moment(taken.dump.data_at)
    notify(f"{volume.name}: snapshot {taken.snapshot.short}, data of {data_time}")
    return BackedUp(volume.name, dump, taken)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def expire_dumps(
    site: Site,
    listed: Iterable[Snapshot],
    *,
    dry_run: bool = False,
    notify: Notify,
) -> dict[str, tuple[str, ...]]:
    """Remove the dumps on disk that are old, held by a snapshot, and not the newest.

    Args:
        site: The machine.
        listed: The snapshots of the local repository.
        dry_run: Remove nothing, only tell.
        notify: Gets a line for each volume that another run is working on.

    Returns:
        The ids removed, by volume. One that another run is working on is not among them: its
        dumps are left for the next time.
    """
    by_volume = by_tag(listed)
    removed = {}
    for volume in site.registry.planned:
        try:
            with site.lock(volume.name):
                removed[volume.name] = store(site).expire(
                    volume.name,
                    keep=timedelta(days=volume.keep_dumps_days),
                    now=site.now(),
                    held=dump_ids(by_volume.get(volume.name, ()), volume.name),
                    dry_run=dry_run,
                )
        except VolumeBusy as error:
            notify(f"{volume.name}: old dumps are left for the next time: {error}")
    return removed
