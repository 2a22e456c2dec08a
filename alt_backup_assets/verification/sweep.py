"""Removes what crashed runs left behind, and nothing a live run is using."""

from __future__ import annotations

import shutil

from alt_backup_assets.errors import VolumeBusy
from alt_backup_assets.site import Site
from alt_backup_assets.verification.drill import scratch_directory


def sweep(site: Site) -> tuple[str, ...]:
    """Remove throw-away targets and restored files whose drill is no longer alive.

    A drill holds its volume's lock as long as it lives; the system lets go of it on a crash.

    Returns:
        What was removed, in words.
    """
    removed = list(site.platform.sweep())
    for volume in site.registry.planned:
        directory = scratch_directory(site, volume.name)
        if directory.exists():
            try:
                with site.lock(f"drill-{volume.name}"):
                    shutil.rmtree(directory)
            except VolumeBusy:
                continue
            removed.append(str(directory))
    return tuple(removed)
