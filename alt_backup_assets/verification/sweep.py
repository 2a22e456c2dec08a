"""Removes what crashed runs left behind, and nothing a live run is using."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from alt_backup_assets.errors import AltBackupError, VolumeBusy
from alt_backup_assets.site import Site
from alt_backup_assets.tools.parallel import in_words
from alt_backup_assets.verification.drill import scratch_directory
from alt_backup_assets.verification.self_test.bench import SELF_TEST, room_of


def sweep(site: Site) -> tuple[str, ...]:
    """Remove throw-away targets and restored files whose drill is no longer alive.

    A drill holds its volume's lock as long as it lives, a self-test its own; the system lets go
    of them on a crash.

    Returns:
        What was removed, in words.
    """
    removed = list(site.platform.sweep())
    guarded = [(scratch_directory(site, v.name), f"drill-{v.name}") for v in site.registry.planned]
    for directory, lock in (*guarded, (room_of(site), SELF_TEST)):
        if directory.exists():
            try:
                with site.lock(lock):
                    if not directory.exists():
                        continue  # another sweep was faster
                    shutil.rmtree(directory)
            except VolumeBusy:
                continue
            removed.append(str(directory))
    return tuple(removed)


def sweep_first(
    site: Site,
    notify: Callable[[str], object],
    warn: Callable[[str], object] | None = None,
) -> None:
    """Sweep before other work; that this cannot be done is no reason not to do the work.

    Args:
        site: The machine.
        notify: Gets a line for each thing that was removed.
        warn: Gets the line that says why it could not be; None where ``notify`` gets that too.
    """
    try:
        for removed in sweep(site):
            notify(f"swept: {removed}")
    except (AltBackupError, OSError) as error:
        (warn or notify)(f"what crashed runs left could not be removed: {in_words(error)}")
