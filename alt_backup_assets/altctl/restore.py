"""One volume of an old backup, brought into a directory of its own.

Holds what touches no live volume. Keep out: stopping services and putting a volume in place; the
stage ``restoration`` does that.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from alt_backup_assets.altctl import tar
from alt_backup_assets.altctl.manifest import DUMP, OldBackup, OldVolume, read_backup
from alt_backup_assets.altctl.verify import require_sound
from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.errors import OldBackupError, RestoreRefused

_CHUNK_BYTES = 1 << 20


def open_sound(directory: Path, name: str) -> tuple[OldBackup, OldVolume]:
    """Read a backup and verify one of its volumes from end to end.

    Args:
        directory: One backup of the former ``altctl``.
        name: The volume.

    Raises:
        OldBackupError: The manifest is wrong, has no such volume, or anything does not agree.
    """
    backup = read_backup(directory)
    volume = backup.volume(name)
    require_sound(backup, volume)
    return backup, volume


def require_free(target: Path) -> None:
    """Refuse a target that holds something already, or that cannot be made.

    Raises:
        RestoreRefused: With what to do.
    """
    try:
        taken = target.is_symlink() or (target.exists() and next(target.iterdir(), None))
    except OSError as error:
        raise RestoreRefused(f"{target} cannot be used: {error.strerror}") from error
    if taken:
        raise RestoreRefused(f"{target} is not empty: name a directory that is not there yet")
    if not target.absolute().parent.is_dir():
        raise RestoreRefused(f"{target.absolute().parent} is not a directory: make it first")


def bring(backup: OldBackup, volume: OldVolume, target: Path) -> None:
    """Unpack a volume's files, or copy its dump, into a directory that appears when it is whole.

    Args:
        backup: The backup.
        volume: One that is sound.
        target: A directory that is empty or not there; a dump becomes ``<volume>.dump`` in it.

    Raises:
        RestoreRefused: The target is not free.
        OldBackupError: The file is not what was verified, or the disk did not take it.
        NotEnoughSpace: There is too little room.
        DumpFailed: The disk did not take the dump.
    """
    require_free(target)
    with appearing(target) as directory:
        if volume.is_tar:
            tar.unpack(backup.file(volume), directory)
        else:
            _copy(backup, volume, directory / f"{volume.name}{DUMP}")


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Hand out a directory beside the target, and give it the target's name in the end.

    Raises:
        RestoreRefused: Its place takes no directory.
        OldBackupError: It could not be given the name.
    """
    target = target.absolute()
    try:
        staging = Path(mkdtemp(prefix=".old-backup-", dir=target.parent))
    except OSError as error:
        raise RestoreRefused(f"{target.parent} takes no directory: {error.strerror}") from error
    try:
        yield staging
        staging.rename(target)
    except OSError as error:
        raise OldBackupError(f"{target} was not made: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where it became the target


def _copy(backup: OldBackup, volume: OldVolume, copy: Path) -> None:
    with backup.file(volume).open("rb") as stream, writing(copy) as out:
        while piece := stream.read(_CHUNK_BYTES):
            out.write(piece)
    if f"sha256:{out.artifact.sha256}" != volume.checksum:
        raise OldBackupError(f"{volume.filename} changed while it was copied")
