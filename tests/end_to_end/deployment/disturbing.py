"""What happens to a stack: a backup that is held, a disk that is full, and that all is well again.

Keep out: what the tests expect of it; killing, which ``bench`` has.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alt_backup_assets.platforms.docker_throwaway import PLATFORM_LABEL
from tests.end_to_end.deployment.asking import launch, under_way
from tests.end_to_end.deployment.bench import Deployment, as_json, eventually
from tests.sites import ROOT, leftovers

_HOLD = "BEGIN; LOCK TABLE article IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
_LOCKS = "SELECT count(*) FROM pg_locks WHERE relation = 'article'::regclass"
_HELD = f"{_LOCKS} AND granted AND mode = 'AccessExclusiveLock'"
_WAITING = f"{_LOCKS} AND NOT granted"
_RELEASE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
)


@contextmanager
def held(deployed: Deployment) -> Iterator[str]:
    """Have a backup under way that waits for a table of the main database; give its run's id."""
    eventually(lambda: not under_way(deployed), "no other run is under way")
    db = deployed.db
    argv = ["psql", "-X", "-U", db.user, "-d", db.database, "-c", _HOLD]
    db.container.exec_run(argv, detach=True)
    try:
        eventually(lambda: db.sql(_HELD) != "0", "the table is held")
        run = launch(deployed)
        eventually(lambda: db.sql(_WAITING) != "0", "the backup waits for the table")
        yield run
    finally:
        eventually(lambda: (db.sql(_RELEASE),), "the table is let go")


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[None]:
    """Make a directory a disk of its own, of a size such as ``64m``."""
    directory.mkdir()
    options = f"size={size},mode=0700"
    _as_root("mount", "-t", "tmpfs", "-o", options, "alt-backup-test", str(directory))
    try:
        yield
    finally:
        _as_root("umount", "--lazy", str(directory))


@contextmanager
def filled(disk: Path, *, but_bytes: int) -> Iterator[Callable[[], None]]:
    """Fill a small disk; give what fills it to the last byte again, where something was removed."""
    filler = disk / "somebody-elses"

    def fill() -> None:
        with filler.open("ab", buffering=0) as stream, suppress(OSError):  # it is full
            while stream.write(bytes(4096)):
                pass

    try:
        fill()
        os.truncate(filler, filler.stat().st_size - but_bytes)
        yield fill
    finally:
        filler.unlink()


def remains(deployed: Deployment) -> list[str]:
    """Return what only something unfinished leaves: locks, partial dumps, throw-away containers."""
    containers = deployed.client.containers.list(
        all=True, filters={"label": f"{PLATFORM_LABEL}={deployed.name}"}, ignore_removed=True
    )
    names = [str(container.name) for container in containers]
    return [*map(str, leftovers(deployed.site)), *names]


def require_all_good(deployed: Deployment) -> None:
    """Require that everything is there again: proven by the sensor, nothing left behind."""
    eventually(lambda: _settled(deployed), "status is GOOD again, and all of it proven", pause=3)
    # A sensor's look at the repository is a lock as well, for a moment.
    eventually(lambda: remains(deployed) == [], "nothing is left behind")


def _settled(deployed: Deployment) -> bool:
    """Tell whether the status is GOOD, and the newest snapshot of every volume proven.

    What runs is asked first, as it costs less; only the status tells.
    """
    if under_way(deployed):
        return False
    code, status = as_json(deployed.outside("status", "--json"))
    return code == 0 and status["posture"]["unproven"] == 0


def _as_root(*argv: str) -> None:
    command = [str(ROOT / "scripts/as_root"), *argv]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
