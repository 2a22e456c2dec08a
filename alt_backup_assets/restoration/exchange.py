"""Puts a directory tree in the place of another in one step of the file system.

Whoever looks, at any moment and after any crash, finds the old tree or the new one under the
name, never a mixture. Keep out: what the trees are.

Source: rename(2), section "renameat2()".
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from alt_backup_assets.errors import PlatformError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_ELSEWHERE = (errno.EINVAL, errno.ENOSYS, errno.EBUSY, errno.EXDEV)


def exchange(one: Path, other: Path) -> None:
    """Let two directories of one file system change names; both names are on the disk then.

    Raises:
        PlatformError: Nothing was changed; the message says what to do.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is None:
        raise PlatformError(_refused(other, "this system has no renameat2", hint=True))
    done: int = rename(
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(one)),
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(other)),
        ctypes.c_uint(_RENAME_EXCHANGE),
    )
    if done != 0:
        number = ctypes.get_errno()
        said = os.strerror(number)
        raise PlatformError(_refused(other, said, hint=number in _ELSEWHERE))
    sync(one.parent)
    sync(other.parent)


def sync_tree(root: Path) -> None:
    """Return once every file and directory of a tree is on the disk."""
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                sync(path)
        sync(Path(directory))


def sync(path: Path) -> None:
    """Return once a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(place: Path, said: str, *, hint: bool) -> str:
    advice = (
        "; run the restore on the host itself, where the directory is on a local disk and is"
        " not a mount point"
        if hint
        else ""
    )
    return f"{place} could not be exchanged in one step ({said}); nothing was changed{advice}"
