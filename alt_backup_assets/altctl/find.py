"""Which backups of the former system are in a directory.

Holds what can be told without reading the data. Keep out: whether they are sound (``verify``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.altctl.manifest import MANIFEST, OldBackup, read_backup
from alt_backup_assets.altctl.verify import presence_problem
from alt_backup_assets.errors import OldBackupError
from alt_backup_assets.values import Frozen

_VOLUMES = "volumes"
_NEVER = datetime.min.replace(tzinfo=UTC)


class Found(Frozen):
    """One backup directory.

    Attributes:
        created_at: When it was made; None where the manifest cannot be read.
        volumes: Number of volumes in it.
        size_bytes: Size of their files, as the manifest has it.
        complete: Every file is there and as long as it was. Nothing has been read.
        problems: Why it is not, in sentences.
    """

    directory: str
    created_at: datetime | None
    volumes: int
    size_bytes: int
    complete: bool
    problems: tuple[str, ...]


def find(directories: Iterable[Path]) -> tuple[Found, ...]:
    """Look for backups in directories and one level below them, the newest last.

    Args:
        directories: Backups themselves, or directories that hold some.

    Raises:
        OldBackupError: A directory cannot be read.
    """
    found = {}
    for directory in directories:
        try:
            below = sorted(each for each in directory.iterdir() if each.is_dir())
        except OSError as error:
            raise OldBackupError(f"{directory} cannot be read: {error.strerror}") from error
        for place in (directory, *below):
            if (place / MANIFEST).exists() or (place / _VOLUMES).is_dir():
                found[place.absolute()] = _found(place)
    return tuple(sorted(found.values(), key=lambda f: (f.created_at or _NEVER, f.directory)))


def _found(directory: Path) -> Found:
    try:
        backup = read_backup(directory)
    except OldBackupError as error:
        return Found(
            directory=str(directory),
            created_at=None,
            volumes=0,
            size_bytes=0,
            complete=False,
            problems=(str(error),),
        )
    problems = tuple(_problems(backup))
    volumes = backup.manifest.volumes
    return Found(
        directory=str(directory),
        created_at=backup.manifest.created_at,
        volumes=len(volumes),
        size_bytes=sum(volume.size for volume in volumes),
        complete=not problems,
        problems=problems,
    )


def _problems(backup: OldBackup) -> Iterable[str]:
    if not backup.manifest.volumes:
        yield f"{MANIFEST} lists no volumes"
    for volume in backup.manifest.volumes:
        if problem := presence_problem(backup, volume):
            yield problem
