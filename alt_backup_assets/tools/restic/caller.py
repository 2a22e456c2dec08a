"""One call of restic, whatever the command: its files, environment, time limit and errors.

A call that finds the repository locked looks at the locks: if every holder is provably gone,
restic's ``unlock`` removes them; then the call is made again and waits for whoever is left, and
the look is repeated while it waits, since a lock nobody holds may lie beside one that somebody
does. Keep out: what single commands mean; the verbs are in ``client``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from alt_backup_assets.errors import RepositoryError, RepositoryLocked
from alt_backup_assets.tools.process import Completed, environment
from alt_backup_assets.tools.restic import commands, values
from alt_backup_assets.tools.restic.commands import Arguments
from alt_backup_assets.tools.restic.locks import Lock, is_orphaned, process_started_at
from alt_backup_assets.tools.restic.outcome import failure
from alt_backup_assets.tools.restic.place import (
    Place,
    environment_variables,
    local_directory,
    require_files,
)

LOCK_WAIT_SECONDS = 300
"""How long a call waits for somebody else's lock."""
_LOOK_AGAIN_SECONDS = 30


class Run(Protocol):
    """``process.run``, as far as it is used here."""

    def __call__(
        self, argv: Sequence[str], *, timeout_seconds: float, env: Mapping[str, str] | None
    ) -> Completed:
        """Run a program to its end."""


@dataclass(frozen=True)
class Caller:
    """What every call on one repository has in common.

    Attributes:
        place: The repository.
        binary: restic.
        cache_dir: restic's cache.
        timeout_seconds: Time limit of a call.
        lock_wait_seconds: How long a call waits for somebody else's lock.
        host_is_gone: Whether another host name is a container that no longer exists.
        run: Starts a program.
    """

    place: Place
    binary: Path
    cache_dir: Path
    timeout_seconds: float
    lock_wait_seconds: int
    host_is_gone: Callable[[str], bool]
    run: Run

    def call(self, command: Arguments, *, source: Caller | None = None) -> bytes:
        """Make a call that takes a lock, and return its output.

        Args:
            command: From ``commands``.
            source: The other side of a copy.

        Raises:
            ConfigurationError: A file that is needed is not there.
            RepositoryError: Any exit code but 0, as the table says.
            ToolMissing: There is no restic.
            ToolTimeout: It did not end in time.
        """
        *waits, last = self._waits()
        for locking in ((), *waits):
            try:
                return self.once(command, source=source, locking=locking)
            except RepositoryLocked:
                for side in (self, source) if source else (self,):
                    # Alive, or gone while we looked: the next call tells.
                    with suppress(RepositoryError):
                        side.remove_orphaned_locks()
        return self.once(command, source=source, locking=last)

    def _waits(self) -> list[Arguments]:
        """Return how further calls wait, one at least; a look at the locks comes before each."""
        total, step = self.lock_wait_seconds, _LOOK_AGAIN_SECONDS
        pieces = [min(step, total - waited) for waited in range(0, total, step)] or [0]
        return [commands.waiting(seconds) for seconds in pieces]

    def once(
        self,
        command: Arguments,
        *,
        source: Caller | None = None,
        locking: Arguments = (),
        timeout_seconds: float | None = None,
    ) -> bytes:
        """Make one call, as ``call`` does, but fail at once where the repository is locked."""
        sides = [self.place, source.place] if source else [self.place]
        for side in sides:
            require_files(side)
        with _ssh_log(sides) as ssh_log:
            options = commands.global_options(
                self.place,
                cache_dir=self.cache_dir,
                source=source.place if source else None,
                ssh_log=ssh_log,
            )
            completed = self.run(
                (str(self.binary), *options, *locking, *command),
                timeout_seconds=timeout_seconds or self.timeout_seconds,
                # Times in arguments and the days of retention are UTC wherever this runs.
                env=environment({"TZ": "UTC", **environment_variables(*sides)}),
            )
            if ssh_log:
                said = f"{completed.stderr_tail}\n{ssh_log.read_text(errors='replace')}"
                completed = replace(completed, stderr_tail=said.strip())
        if error := failure(command[0], " or ".join(side.url for side in sides), completed):
            raise error
        return completed.stdout

    def remove_orphaned_locks(self) -> tuple[str, ...]:
        """Remove the locks, if every one of them is provably orphaned.

        Returns:
            The ids of the locks removed.

        Raises:
            RepositoryLocked: A holder may be alive, or restic takes it for alive.
            RepositoryError: restic failed.
        """
        locks = self._locks()
        if alive := [lock for lock in locks.values() if not self._is_orphaned(lock)]:
            raise self._locked(alive)
        if locks:
            self.once(commands.UNLOCK)
            self._remove_files(locks)
        # Elsewhere restic keeps the lock of a reused process number, or of a container that is
        # gone, until it is half an hour old.
        if left := [lock for lock_id, lock in self._locks().items() if lock_id in locks]:
            raise self._locked(left)
        return tuple(locks)

    def _remove_files(self, lock_ids: Iterable[str]) -> None:
        """Remove exactly these locks of a repository in a directory.

        restic itself would only remove all there are, also one that was taken this moment.
        """
        if directory := local_directory(self.place.url):
            for lock_id in lock_ids:
                (directory / "locks" / lock_id).unlink(missing_ok=True)

    def _locks(self) -> dict[str, Lock]:
        listed = self.once(commands.LIST_LOCKS, locking=commands.NO_LOCK).decode().split()
        return {lock_id: self._lock(lock_id) for lock_id in listed}

    def _lock(self, lock_id: str) -> Lock:
        output = self.once(commands.cat_lock(lock_id), locking=commands.NO_LOCK)
        return values.answer(output, Lock, "cat lock")

    def _is_orphaned(self, lock: Lock) -> bool:
        return is_orphaned(
            lock,
            hostname=socket.gethostname(),
            started_at=process_started_at,
            host_is_gone=self.host_is_gone,
        )

    def _locked(self, locks: Sequence[Lock]) -> RepositoryLocked:
        holders = "; ".join(lock.holder for lock in locks)
        return RepositoryLocked(f"{self.place.url} is locked by {holders}")


@contextmanager
def _ssh_log(sides: Sequence[Place]) -> Iterator[Path | None]:
    """Hand out an empty file for ssh's own words where a side is reached by ssh."""
    if not any(side.sftp for side in sides):
        yield None
        return
    with TemporaryDirectory(prefix="alt-backup-ssh-") as directory:
        log = Path(directory) / "log"
        log.touch()
        yield log
