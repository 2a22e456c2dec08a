"""What a dump would meet, found out without making one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.drivers import driver
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.store import DumpStore
from alt_backup_assets.dumps.take import require_space
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site

_READ_AS_FILES = ("files", "grafana", "tar")
"""Engines that need no running service."""


@dataclass(frozen=True)
class Preview:
    """What a dump of one volume would meet right now.

    Attributes:
        volume: The registry's entry.
        source: The service or directory it would be taken from; None where that is not there.
        last: The newest dump on the disk; None where there is none.
        free_bytes: Room where the dump would be written.
        problem: Why it would fail; None where nothing is in its way.
    """

    volume: Volume
    source: str | None
    last: DumpRecord | None
    free_bytes: int
    problem: str | None


def preview(site: Site, volume: Volume) -> Preview:
    """Look for everything a dump of a volume needs; makes and changes nothing.

    Args:
        site: The machine.
        volume: A planned entry of the registry.
    """
    state = site.config.directories.state
    room = next(place for place in (state, *state.absolute().parents) if place.exists())
    last = next((d.record for d in DumpStore(state / "dumps").dumps(volume.name)[-1:]), None)
    source = problem = None
    try:
        driver(volume.engine, volume.name)
        source = _source(site, volume)
        require_space(room, last.size_bytes if last else 0, f"the dump of {volume.name}")
    except AltBackupError as error:
        problem = str(error)
    return Preview(volume, source, last, _free_bytes(room), problem)


def _source(site: Site, volume: Volume) -> str:
    if volume.engine in _READ_AS_FILES:
        return str(site.platform.volume_path(volume.name, volume.service))
    return site.platform.service(volume.service).label


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free
