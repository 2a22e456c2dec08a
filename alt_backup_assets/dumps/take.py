"""Takes one volume's dump: checks the day and the room, calls the engine, keeps the result."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path

from alt_backup_assets.dumps.drivers import driver
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.store import DumpStore, StoredDump
from alt_backup_assets.errors import DayIsOver, DumpFailed, NotEnoughSpace
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site

_SPARE_BYTES = 64 << 20


def store(site: Site) -> DumpStore:
    """Return the hot tier of a site."""
    return DumpStore(site.state / "dumps")


def require_today(site: Site, day: date) -> None:
    """Refuse to make data for another day than today.

    Raises:
        DayIsOver: The reason, and what to do instead.
    """
    if day != site.today:
        raise DayIsOver(
            f"{day} is not today ({site.today} in {site.config.timezone.key}): yesterday's data can"
            " no longer be dumped. Materialise today's partition, or restore that day's snapshot."
        )


def take_dump(site: Site, volume: Volume, *, day: date, root_run: str | None = None) -> StoredDump:
    """Take a consistent dump of one volume. The caller holds the volume's lock.

    Args:
        site: The machine.
        volume: A planned entry of the registry.
        day: The backup day; it must be today.
        root_run: The run this belongs to. A rerun of it finds the dump and takes no other.

    Returns:
        The dump, complete and on the disk.

    Raises:
        DumpError: It could not be made. Nothing partial stays and the older dumps stay.
        ToolError: A program of the engine failed.
        PlatformError: The service or the volume is not there, or the disk has no room.
    """
    require_today(site, day)
    engine = driver(volume.engine, volume.name)
    earlier = store(site).dumps(volume.name)
    if earlier and root_run and earlier[-1].record.root_run == root_run:
        return earlier[-1]
    last_bytes = earlier[-1].record.size_bytes if earlier else 0
    require_space(site.state, last_bytes, f"the dump of {volume.name}")
    with store(site).incoming(volume.name) as directory:
        dumped = engine.dump(volume, site.platform, directory)
        record = DumpRecord(
            dump_id=_dump_id(dumped.taken_at),
            platform=site.name,
            volume=volume.name,
            service=volume.service,
            engine=str(volume.engine),
            taken_at=dumped.taken_at,
            finished_at=site.now(),
            backup_day=day,
            root_run=root_run,
            runtime=dumped.runtime,
            server_version=dumped.server_version,
            size_bytes=_size_bytes(directory),
            data_bytes=dumped.data_bytes,
            artifacts=dumped.artifacts,
            content=dumped.content,
            warnings=dumped.warnings,
            server_state=dumped.server_state,
        )
        return store(site).keep(directory, record)


def require_space(directory: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse to start what would fill the disk.

    Raises:
        NotEnoughSpace: With both numbers.
    """
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < needed_bytes * 11 // 10 + _SPARE_BYTES:
        raise NotEnoughSpace(
            f"{purpose} needs about {needed_bytes >> 20} MiB and there are {free_bytes >> 20} MiB"
            f" free under {directory}; nothing was written"
        )


def _dump_id(taken_at: datetime) -> str:
    return taken_at.strftime("%Y%m%dT%H%M%S.%fZ")


def _size_bytes(directory: Path) -> int:
    size = sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())
    if size == 0:
        raise DumpFailed("the dump is empty: not one byte was written")
    return size
