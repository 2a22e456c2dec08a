"""Opens a repository, and makes it where there is none; one that is there is never remade."""

from __future__ import annotations

from filelock import FileLock

from alt_backup_assets.errors import RepositoryMissing, RepositoryUnreachable, ToolTimeout
from alt_backup_assets.tools.restic import commands
from alt_backup_assets.tools.restic.caller import Caller

OPEN_SECONDS = 90
"""How long opening may take; restic would try a dead REST server for a quarter of an hour."""


def open_repository(caller: Caller) -> None:
    """Prove that a repository opens with its password; see ``Restic.open``."""
    try:
        caller.once(commands.OPEN, locking=commands.NO_LOCK, timeout_seconds=OPEN_SECONDS)
    except ToolTimeout as error:
        raise RepositoryUnreachable(f"{caller.place.url} did not open: {error}") from None


def initialise(caller: Caller, chunker_from: Caller | None) -> bool:
    """Make a repository where there is none; see ``Restic.init``."""
    try:
        open_repository(caller)
    except RepositoryMissing:
        return _make(caller, chunker_from)
    return False


def _make(caller: Caller, chunker_from: Caller | None) -> bool:
    # Two `init` at once would leave a key that does not open the other's config.
    cache = caller.cache_dir
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(cache / "init.lock"):
        try:
            open_repository(caller)
        except RepositoryMissing:
            place = chunker_from.place if chunker_from else None
            caller.once(commands.init(place), source=chunker_from)
        else:
            return False
    open_repository(caller)
    return True
