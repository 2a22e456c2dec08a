"""A volume of an old backup becomes the live volume again.

The files of a ``.tar.gz`` are unpacked beside the volume and put in its place in one step, while
its service stands still; a ``.dump`` is loaded by the running server. Keep out: reading and
verifying old backups (``altctl``), and restoring snapshots.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alt_backup_assets.altctl import tar
from alt_backup_assets.altctl.manifest import OldBackup, OldVolume
from alt_backup_assets.altctl.restore import open_sound
from alt_backup_assets.errors import PlatformError, RestoreFailed, RestoreRefused, ToolError
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.restoration import old_dumps
from alt_backup_assets.restoration.exchange import exchange, sync_tree
from alt_backup_assets.site import Site


def restore_live(
    site: Site, directory: Path, name: str, *, force: bool = False, dry_run: bool = False
) -> tuple[OldVolume, str]:
    """Put one volume of an old backup in the place of the live one.

    Args:
        site: Its registry says which service and which database.
        directory: One backup of the former ``altctl``.
        name: The volume.
        force: Stop a service that runs and start it again; replace a running server's database.
        dry_run: Only say whether it could be done.

    Returns:
        What was put back, and where to, for people.

    Raises:
        ConfigurationError: The registry has no such volume.
        OldBackupError: The backup is not sound; nothing was touched.
        RestoreRefused: The service runs, or the file does not fit; nothing was touched.
        RestoreFailed: The message says what the volume holds now.
        VolumeBusy: Another run works on the volume.
    """
    volume = site.registry.volume(name)
    backup, old = open_sound(directory, name)
    with site.lock(name):
        if old.is_tar:
            return old, _put_files(site, volume, (backup, old), force=force, dry_run=dry_run)
        return old, _load_dump(site, volume, (backup, old), force=force, dry_run=dry_run)


def _put_files(
    site: Site, volume: Volume, found: tuple[OldBackup, OldVolume], *, force: bool, dry_run: bool
) -> str:
    backup, old = found
    file = backup.file(old)
    if volume.engine == "postgresql" and not tar.walk(file).clusters:
        raise RestoreRefused(f"{old.filename} holds no PostgreSQL data: {volume.name} stays")
    place = site.platform.volume_path(volume.name, volume.service).resolve()
    if place.is_mount():
        raise RestoreRefused(
            f"{place} is a mount point and cannot be replaced in one step: run the restore on the"
            " host itself, or restore --to a directory"
        )
    is_running = site.platform.is_running(volume.service)
    if is_running is not False and not force:
        raise RestoreRefused(
            f"{volume.service} runs, or nothing here tells that it does not: stop it, or let"
            " --force stop it and start it again"
        )
    if not dry_run:
        with _unpacked(file, place, volume.name) as tree:
            _exchange(site, volume.service, (tree, place), is_running)
    return f"the volume {volume.name} ({place})"


@contextmanager
def _unpacked(file: Path, place: Path, name: str) -> Iterator[Path]:
    """Unpack beside the volume, under a fixed name: a rerun removes what a killed run left."""
    staging = place.parent / f".alt-backup-old-{name}"
    try:
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700)
        tree = staging / "tree"
        tree.mkdir()
        try:
            tar.unpack(file, tree)
            sync_tree(tree)
            yield tree
        finally:
            shutil.rmtree(staging)
    except OSError as error:
        raise RestoreFailed(
            f"{staging} could not be written or removed: {error.strerror}; look at {place}"
        ) from error


def _exchange(site: Site, service: str, trees: tuple[Path, Path], is_running: bool | None) -> None:
    """Put one tree in the place of the other while the service stands still.

    Raises:
        RestoreFailed: The message says what the volume holds now.
    """
    holds = "what it held before"
    try:
        with _stopped(site, service, is_running):
            exchange(*trees)
            holds = "the files of the old backup"
    except (PlatformError, ToolError) as error:
        raise RestoreFailed(f"{trees[1]} holds {holds}: {error}") from error


@contextmanager
def _stopped(site: Site, service: str, is_running: bool | None) -> Iterator[None]:
    """Keep a service stopped that ran; the caller said --force where nobody can tell."""
    if is_running is False and site.platform.is_running(service):
        raise PlatformError(f"{service} was started meanwhile: stop it and try again")
    if not is_running:
        yield
        return
    try:
        site.platform.stop(service)
        yield
    finally:
        site.platform.start(service)


def _load_dump(
    site: Site, volume: Volume, found: tuple[OldBackup, OldVolume], *, force: bool, dry_run: bool
) -> str:
    if volume.engine != "postgresql" or len(volume.databases) != 1:
        raise RestoreRefused(
            f"the registry does not name {volume.name} as exactly one PostgreSQL database, which"
            " a dump of altctl is: copy it with --to DIR and load it by hand"
        )
    where = f"database {volume.databases[0]} of {volume.service}"
    is_running = site.platform.is_running(volume.service)
    if is_running is not False and not force:
        raise RestoreRefused(
            f"{where} would be replaced under its clients: stop them and say --force, or copy the"
            " dump with --to DIR"
        )
    if not dry_run:
        if is_running is False:
            site.platform.start(volume.service)
        old_dumps.load(site, volume, *found)
    return where
