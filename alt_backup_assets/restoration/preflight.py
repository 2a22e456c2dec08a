"""Everything that can be known before a restore, for every volume, with nothing touched.

Keep out: what is done then (``run``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from alt_backup_assets.dumps.drivers import driver
from alt_backup_assets.dumps.engine import VolumeFiles
from alt_backup_assets.dumps.take import require_space
from alt_backup_assets.errors import AltBackupError, PlatformError
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.restoration.plan import Plan, Wish, find_target
from alt_backup_assets.restoration.stopped import is_remembered
from alt_backup_assets.site import Site
from alt_backup_assets.verification.listing import Listing


@dataclass(frozen=True)
class Checked:
    """What pre-flight found about one volume.

    Attributes:
        volume: The registry's entry.
        plan: What would be done; None where that cannot be told.
        problems: Why it is refused, in sentences that say what to do; empty where it is not.
    """

    volume: Volume
    plan: Plan | None
    problems: tuple[str, ...]


def preflight(site: Site, volumes: Iterable[Volume], wish: Wish) -> tuple[Checked, ...]:
    """Check for every volume whether a wish can be granted; nothing is touched.

    Args:
        site: The machine.
        volumes: Planned volumes; with several each gets a directory of its own under ``to``.
        wish: What the operator asked for.

    Returns:
        A plan and its problems for each.
    """
    chosen = tuple(volumes)
    wishes = [
        replace(wish, to=wish.to / volume.name) if wish.to and len(chosen) > 1 else wish
        for volume in chosen
    ]
    listing = Listing(site, wish.source)
    return tuple(_check(site, listing, *pair) for pair in zip(chosen, wishes, strict=True))


def _check(site: Site, listing: Listing, volume: Volume, wish: Wish) -> Checked:
    problems: list[str] = []
    plan = None
    try:
        plan = Plan(volume, find_target(listing, volume.name, wish))
    except AltBackupError as error:
        problems.append(str(error))
    try:
        as_files = isinstance(driver(volume.engine, volume.name).RESTORATION, VolumeFiles)
    except AltBackupError as error:
        return Checked(volume, None, (*problems, str(error)))
    if wish.into and as_files:
        problems.append(f"{volume.name} is put back as files: leave out --into, or use --to")
    elif wish.to:
        problems += _place_problems(site, wish.to, force=wish.force)
        plan = plan and replace(plan, place=wish.to.resolve(), laid_out=as_files, live=False)
    elif as_files:
        plan = _check_volume(site, volume, wish, plan, problems)
    else:
        plan = _check_server(site, volume, wish, plan, problems)
    if plan:
        problems += _space_problems(site, plan)
    return Checked(volume, plan, tuple(problems))


def _check_volume(
    site: Site, volume: Volume, wish: Wish, plan: Plan | None, problems: list[str]
) -> Plan | None:
    running = _running(site, volume, problems, quiet=wish.force)
    service = volume.service
    if running and not wish.force:
        problems.append(
            f"service {service} runs: stop it, or let --force stop it and start it again"
        )
    try:
        place = site.platform.volume_path(volume.name, service).resolve()
    except PlatformError as error:
        problems.append(f"{error}; if the volume is gone, make it again, empty")
        return None
    if place.is_mount():
        problems.append(
            f"{place} is a mount point and cannot be replaced in one step: run the restore on"
            " the host itself, or restore --to a directory"
        )
    elif not _writable(place.parent):
        problems.append(f"{place.parent} cannot be written to by this user: run it as root")
    left = running is False and is_remembered(site, service)
    return plan and replace(
        plan, place=place, laid_out=True, stops=bool(running), starts=left, forced=wish.force
    )


def _check_server(
    site: Site, volume: Volume, wish: Wish, plan: Plan | None, problems: list[str]
) -> Plan | None:
    quiet = wish.force or wish.into is not None
    running = _running(site, volume, problems, quiet=quiet, needed=True)
    if running and not quiet:
        problems.append(
            f"service {volume.service} runs and its data would be replaced under its clients:"
            " stop it, stop the clients and say --force, or restore --into a new database"
        )
    return plan and replace(plan, into=wish.into, starts=running is False)


def _running(
    site: Site, volume: Volume, problems: list[str], *, quiet: bool, needed: bool = False
) -> bool | None:
    """Tell whether the service runs; that nobody knows is a problem, unless it is to be quiet."""
    service = volume.service
    try:
        running = site.platform.is_running(service)
    except PlatformError as error:
        if needed:
            problems.append(f"{error}; the data is loaded by the service: make it first")
        elif not quiet:
            problems.append(f"{error}; make the service first, or say --force if it cannot run")
        return None
    if running is None and not quiet:
        problems.append(
            f"nothing here tells whether service {service} runs: make sure that nothing"
            " uses the volume, then say --force"
        )
    return running


def _place_problems(site: Site, place: Path, *, force: bool) -> list[str]:
    above = _existing(place)
    if not _writable(above if above != place else place.parent):
        return [f"{above} is no directory that this user can write to: choose another --to"]
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return []
    if not place.is_dir() or place.is_symlink():
        return [f"{place} is not a directory: choose another --to"]
    if not force:
        return [f"{place} is not empty: choose another --to, or let --force replace all of it"]
    if ours := _belonging(site, place.resolve()):
        return [f"{place} holds {ours}: it is never replaced; choose another --to"]
    return []


def _belonging(site: Site, place: Path) -> Path | None:
    """Return what of the site would be lost with a directory."""
    volumes = []
    for volume in site.registry.planned:
        try:
            volumes.append(site.platform.volume_path(volume.name, volume.service))
        except PlatformError:
            continue  # nothing of it is there to be lost
    kept = (path.resolve() for path in (site.state, site.scratch, *volumes))
    return next((path for path in kept if place == path or place in path.parents), None)


def _space_problems(site: Site, plan: Plan) -> list[str]:
    room = _existing(plan.place.parent) if plan.place else site.scratch
    needed_bytes = plan.target.snapshot.total_bytes or 0
    try:
        require_space(room, needed_bytes, f"the restore of {plan.volume.name}")
    except PlatformError as error:
        return [str(error)]
    return []


def _existing(path: Path) -> Path:
    """Return the nearest directory at or above a path that is there."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def _writable(directory: Path) -> bool:
    return directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)
