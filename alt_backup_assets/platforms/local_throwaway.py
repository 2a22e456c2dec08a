"""Throw-away targets on this machine: a private directory, and what works inside it.

There is no network to take away here; what runs in it is to listen on sockets in its directory
only. Keep out: anything about the engine that is restored into it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.errors import PlatformError
from alt_backup_assets.platforms.local_place import LocalPlace
from alt_backup_assets.platforms.owner import current_owner, is_orphan
from alt_backup_assets.platforms.processes import end_processes_in
from alt_backup_assets.tools import process

_PREFIX = "alt-backup-"
_MARK = "owner"
# Short names: the path of a Unix socket has 107 characters at most.
_WORK = "w"
_TEST_SECONDS = 30


@dataclass(frozen=True)
class LocalThrowaway(LocalPlace):
    """A private directory with the programs of one service."""

    @property
    def directory(self) -> str:
        """Where everything the drill makes belongs; commands run there."""
        return str(self.cwd)

    def put(self, source: Path) -> str:
        """Return the source's own path, or that of a copy the target's user can read."""
        if self.user is None or _may(self.user, "-r", source):
            return str(source)
        inbox = Path(tempfile.mkdtemp(prefix="in-", dir=self.cwd.parent))
        copy = inbox / source.name
        if source.is_dir():
            shutil.copytree(source, copy, symlinks=True)
        else:
            shutil.copyfile(source, copy)
            copy.chmod(0o400)
        for path in (inbox, *inbox.rglob("*")):
            _give(path, self.user)
        return str(copy)


@contextmanager
def open_throwaway(scratch: Path, place: LocalPlace) -> Iterator[LocalThrowaway]:
    """Make a throw-away target; leaving the context ends its processes and removes it.

    Args:
        scratch: Where its directory is made, with a short path.
        place: The programs and the user it is made for.

    Raises:
        PlatformError: The directory cannot be made, or its user cannot reach it.
    """
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch.resolve()))
    except OSError as error:
        raise PlatformError(f"no throw-away target in {scratch}: {error.strerror}") from None
    try:
        (root / _MARK).write_text(str(current_owner()))
        work = root / _WORK
        work.mkdir(mode=0o700)
        if place.user is not None:
            root.chmod(0o711)
            _give(work, place.user)
            if not _may(place.user, "-w", work):
                raise PlatformError(
                    f"user {place.user} cannot enter {scratch}: set directories.scratch to a "
                    "directory that every user can enter"
                )
        yield LocalThrowaway(
            place.label, place.programs, place.own_env, place.user, work, place.prefix
        )
    finally:
        _remove(root)


def sweep(scratch: Path) -> tuple[str, ...]:
    """Remove the throw-away targets whose owner is gone; return their paths."""
    removed = []
    for mark in sorted(scratch.resolve().glob(f"{_PREFIX}*/{_MARK}")):
        try:
            age_seconds = time.time() - mark.stat().st_mtime
            orphan = is_orphan(mark.read_text(), age_seconds=age_seconds)
        except FileNotFoundError:
            continue  # its owner removes it at this moment
        if orphan:
            _remove(mark.parent)
            removed.append(str(mark.parent))
    return tuple(removed)


def _remove(root: Path) -> None:
    end_processes_in(root)
    try:
        # The mark goes last: without it nobody would come back for the rest.
        for entry in sorted(root.iterdir(), key=lambda path: path.name == _MARK):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        root.rmdir()
    except FileNotFoundError:
        return  # another sweep was faster
    except OSError as error:
        raise PlatformError(f"cannot remove the throw-away target {root}: {error}") from None


def _may(user: str, test: str, path: Path) -> bool:
    argv = ["test", test, str(path)]
    return process.run(argv, timeout_seconds=_TEST_SECONDS, user=user).exit_code == 0


def _give(path: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    try:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    except PermissionError:
        raise PlatformError(f"only root can make throw-away targets for user {user}") from None
