"""Spares a dump whose source holds exactly what the newest dump holds.

Add an engine by a line in ``WATCHED``, if its server can tell for certain. Whatever is not
certain is no reason to spare a dump, and no failure either: taking the dump tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from alt_backup_assets.dumps.postgresql.standstill import is_unchanged
from alt_backup_assets.dumps.record import DumpRecord, artifact_differences
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import PlatformError, ToolError
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site

Watch = Callable[[Volume, Platform, DumpRecord], bool]
"""Tells whether a dump taken now would hold what this one holds."""

WATCHED: dict[str, Watch] = {"postgresql": is_unchanged}


def unchanged_dump(site: Site, volume: Volume, *, day: date) -> StoredDump | None:
    """Return the volume's newest dump, its time renewed, if it holds all there is now.

    Args:
        site: The machine.
        volume: A planned entry of the registry. The caller holds its lock.
        day: The backup day: every day has a dump of its own.

    Returns:
        The dump, found whole on the disk; None where a new one must be taken.
    """
    watch = WATCHED.get(str(volume.engine))
    newest = store(site).newest(volume.name)
    if watch is None or newest is None or newest.record.backup_day != day:
        return None
    looked_at = site.now()
    try:
        unchanged = watch(volume, site.platform, newest.record)
    except (ToolError, PlatformError):
        return None
    if not unchanged or not _is_sound(site, newest):
        return None
    return store(site).confirm(newest, looked_at)


def _is_sound(site: Site, newest: StoredDump) -> bool:
    if store(site).damaged(newest.record.volume):
        return False
    return not artifact_differences(newest.record, newest.directory)
