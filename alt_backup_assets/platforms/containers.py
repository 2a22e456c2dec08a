"""The containers that this site's commands and runs were in, by their host names.

A lock in a repository names its holder's host only. One that is recorded here was a container on
our own engine, so that the engine can tell whether it is gone; of any other nobody can.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from alt_backup_assets.errors import PlatformError

# The default host name of a container: the first digits of its id.
_SHORT_ID = re.compile(r"[0-9a-f]{12}")
_KEPT_SECONDS = 7 * 24 * 3600


class OwnContainers:
    """The record of them, a file each.

    Args:
        directory: Where the files are; shared by all of the site's containers.
        runs: Tells by a container's short id whether it runs.
    """

    def __init__(self, directory: Path, runs: Callable[[str], bool]) -> None:
        self._directory = directory
        self._runs = runs

    def enter(self, hostname: str | None = None) -> None:
        """Record the container we are in; nothing outside of one.

        Where nothing can be recorded, a lock of ours will have to become old before anybody
        removes it: restic does, after half an hour.
        """
        own = hostname or socket.gethostname()
        if not _SHORT_ID.fullmatch(own):
            return
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._directory / own).touch()
            for record in self._directory.iterdir():
                with suppress(FileNotFoundError):  # another container was faster
                    if time.time() - record.stat().st_mtime > _KEPT_SECONDS:
                        record.unlink()

    def is_gone(self, hostname: str) -> bool:
        """Tell whether a host name is a container of ours that certainly does not run any more."""
        if not _SHORT_ID.fullmatch(hostname) or not (self._directory / hostname).is_file():
            return False
        try:
            return not self._runs(hostname)
        except PlatformError:
            return False  # nobody could be asked
