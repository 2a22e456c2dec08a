"""Whether an old backup can still be used: every byte of it is read.

Holds the checks of a directory against its manifest, and of each file against its own kind.
Keep out: putting anything back (``restore``).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from alt_backup_assets.altctl import tar
from alt_backup_assets.altctl.manifest import MANIFEST, OldBackup, OldVolume, read_backup
from alt_backup_assets.errors import DumpFailed, OldBackupError
from alt_backup_assets.tools import pgarchive
from alt_backup_assets.values import Frozen

Verdict = Literal["GOOD", "FAILED"]


class VerifiedVolume(Frozen):
    """How the file of one volume was found.

    Attributes:
        problems: What is wrong, in sentences; the first of them hides others of its kind.
    """

    name: str
    filename: str
    size_bytes: int
    backed_up_at: datetime
    verdict: Verdict
    problems: tuple[str, ...]


class Verified(Frozen):
    """How a whole directory was found.

    Attributes:
        problems: What is wrong with the whole.
        warnings: What is odd without making the backup a bad one.
    """

    directory: str
    created_at: datetime
    verdict: Verdict
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    volumes: tuple[VerifiedVolume, ...]


def verify(directory: Path, *, notify: Callable[[str], object] = lambda _volume: None) -> Verified:
    """Read an old backup from end to end.

    Args:
        directory: One backup of the former ``altctl``.
        notify: Told the volume that is read next.

    Returns:
        What is wrong, all of it; GOOD only where something was verified and nothing is wrong.

    Raises:
        OldBackupError: The manifest, or a directory, cannot be read; then nothing can be told.
    """
    backup = read_backup(directory)
    volumes = []
    for volume in backup.manifest.volumes:
        notify(volume.name)
        volumes.append(_verified(backup, volume))
    whole = [backup.manifest.checksum_problem] if backup.manifest.checksum_problem else []
    if not volumes:
        whole.append(f"{MANIFEST} lists no volumes: there is nothing to restore")
    good = not whole and all(volume.verdict == "GOOD" for volume in volumes)
    return Verified(
        directory=str(directory),
        created_at=backup.manifest.created_at,
        verdict="GOOD" if good else "FAILED",
        problems=tuple(whole),
        warnings=tuple(_beyond(backup)),
        volumes=tuple(volumes),
    )


def require_sound(backup: OldBackup, volume: OldVolume) -> None:
    """Verify one volume, and that the manifest is the one that was written.

    Raises:
        OldBackupError: Anything is wrong, in one message.
    """
    problems = [*volume_problems(backup, volume)]
    if backup.manifest.checksum_problem:
        problems.append(backup.manifest.checksum_problem)
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise OldBackupError(f"{volume.name} is not restored from {backup.directory}:\n{listing}")


def volume_problems(backup: OldBackup, volume: OldVolume) -> tuple[str, ...]:
    """Return what is wrong with the file of one volume, in sentences."""
    path = backup.file(volume)
    if problem := presence_problem(backup, volume):
        return (problem,)
    try:
        if (found := _sha256(path)) != volume.checksum:
            return (f"{volume.filename} has the checksum {found}, {volume.checksum} was recorded",)
        if volume.is_tar:
            return tuple(f"{volume.filename}: {each}" for each in tar.walk(path).problems)
        pgarchive.require_whole(path)
    except (DumpFailed, OldBackupError) as error:
        return (str(error),)
    except OSError as error:
        return (f"{volume.filename} cannot be read: {error.strerror}",)
    return ()


def presence_problem(backup: OldBackup, volume: OldVolume) -> str | None:
    """Return what is wrong with a file that can be told without reading it; None for nothing."""
    path = backup.file(volume)
    try:
        status = path.lstat()
        inside = path.resolve().is_relative_to(backup.directory.resolve())
    except OSError as error:
        return f"{volume.filename} is not there: {error.strerror}"
    if not stat.S_ISREG(status.st_mode) or not inside:
        return f"{volume.filename} is not a file of this directory"
    if status.st_size == 0:
        return f"{volume.filename} is empty: 0 bytes are no backup"
    if status.st_size != volume.size:
        return f"{volume.filename} has {status.st_size} bytes, {volume.size} were recorded"
    return None


def _verified(backup: OldBackup, volume: OldVolume) -> VerifiedVolume:
    problems = volume_problems(backup, volume)
    return VerifiedVolume(
        name=volume.name,
        filename=volume.filename,
        size_bytes=volume.size,
        backed_up_at=volume.backed_up_at,
        verdict="FAILED" if problems else "GOOD",
        problems=problems,
    )


def _beyond(backup: OldBackup) -> Iterator[str]:
    """Yield a sentence for every file the manifest does not know."""
    known = {str(PurePosixPath(volume.filename)) for volume in backup.manifest.volumes}
    for place, _directories, files in os.walk(backup.directory, onerror=_unreadable):
        for name in sorted(files):
            path = str((Path(place) / name).relative_to(backup.directory))
            if path not in known | {MANIFEST}:
                yield f"{path} is not in {MANIFEST}: nothing is known of it, nothing restores it"


def _unreadable(error: OSError) -> None:
    raise OldBackupError(f"{error.filename} cannot be looked into: {error.strerror}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
