"""The verbs of one restic repository, each confirmed as far as restic lets itself be asked.

restic's exit code alone is never the proof: a backup is confirmed by reading its snapshot back,
forgetting by listing what is left, a restore by its counts. Keep out: argument lists, exit
codes and locks, which have modules of their own; and when to do what, which is the stages'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from alt_backup_assets.errors import NoSnapshot, RepositoryError, RetentionUnsafe
from alt_backup_assets.tools import process
from alt_backup_assets.tools.restic import commands, values
from alt_backup_assets.tools.restic.caller import LOCK_WAIT_SECONDS, Caller, Run
from alt_backup_assets.tools.restic.opening import initialise, open_repository
from alt_backup_assets.tools.restic.place import Place, Retention, directory_bytes, local_directory
from alt_backup_assets.tools.restic.values import CheckReport, RetentionPlan, Snapshot
from alt_backup_assets.tools.restic.version import require_no_check_summary, require_version


class Restic:
    """One repository.

    Args:
        repository: Where it is and how it is opened; a value of the configuration.
        binary: The restic program.
        cache_dir: restic's cache; repositories can share one.
        timeout_seconds: Time limit of every call.
        lock_wait_seconds: How long a call waits for somebody else's lock.
        host_is_gone: Whether the host name in a lock is a container that no longer exists.
        run: Starts a program.

    Every method can raise ``ConfigurationError`` (a file cannot be read; restic is not even
    started), ``ToolMissing``, ``ToolTimeout``, and what restic's exit code stands for.
    """

    def __init__(
        self,
        repository: Place,
        *,
        binary: Path,
        cache_dir: Path,
        timeout_seconds: float = 6 * 3600,
        lock_wait_seconds: int = LOCK_WAIT_SECONDS,
        host_is_gone: Callable[[str], bool] = lambda _hostname: False,
        run: Run = process.run,
    ) -> None:
        self._caller = Caller(
            place=repository,
            binary=binary,
            cache_dir=cache_dir,
            timeout_seconds=timeout_seconds,
            lock_wait_seconds=lock_wait_seconds,
            host_is_gone=host_is_gone,
            run=run,
        )

    @property
    def url(self) -> str:
        """Where the repository is, as restic gets it."""
        return self._caller.place.url

    def require_version(self) -> str:
        """Return restic's version.

        Raises:
            ToolMissing: It is not there, or older than 0.17.1; the message has the remedy.
        """
        return require_version(self._caller.binary, self._caller.run)

    def open(self) -> None:
        """Prove that the repository opens with its password; takes no lock.

        Raises:
            RepositoryMissing: There is none.
            WrongPassword: The password file does not open it.
            RepositoryUnreachable: It did not answer.
        """
        open_repository(self._caller)

    def init(self, *, chunker_from: Restic | None = None) -> bool:
        """Make the repository where there is none; one that is there is opened, never remade.

        Args:
            chunker_from: Repository whose chunker parameters it gets, so that copies from
                there deduplicate.

        Returns:
            Whether it was made now.

        Raises:
            WrongPassword: There is one, and our password does not open it.
        """
        source = chunker_from._caller if chunker_from else None  # noqa: SLF001 -- the same class
        return initialise(self._caller, source)

    def backup(
        self,
        path: Path,
        *,
        host: str,
        tags: Sequence[str],
        taken_at: datetime,
        exclude: Sequence[str] = (),
    ) -> Snapshot:
        """Save one path as a snapshot, and confirm that the repository holds it.

        Args:
            path: What to save; absolute.
            host: restic's host: the platform's fixed name.
            tags: Without commas.
            taken_at: When the data was taken, aware; kept to the second.
            exclude: restic's exclude patterns; restic records them with the snapshot.

        Returns:
            The snapshot, as the repository lists it from now on.

        Raises:
            SnapshotIncomplete: A file could not be read; what was saved is kept, and named.
            RepositoryError: restic failed, or the repository does not hold what it says it saved.
        """
        command = commands.backup(path, host=host, tags=tags, taken_at=taken_at, exclude=exclude)
        output = self._caller.call(command)
        saved = values.require_summary(output, values.BackupSummary, "backup")
        if not self._holds(saved.snapshot_id):
            raise RepositoryError(f"{self.url} does not hold the snapshot {saved.snapshot_id}")
        return Snapshot(
            id=saved.snapshot_id,
            time=taken_at.replace(microsecond=0),
            host=host,
            paths=(str(path),),
            tags=tuple(tags),
            total_bytes=saved.total_bytes_processed,
        )

    def snapshots(self, *, host: str | None = None, tag: str | None = None) -> tuple[Snapshot, ...]:
        """List snapshots, oldest data first; of one host or with one tag where given.

        One elsewhere is opened first, and has not long to answer: restic itself would try a host
        that is gone for a quarter of an hour.
        """
        if local_directory(self.url) is None:
            self.open()
        return values.snapshots(self._caller.call(commands.snapshots(host=host, tag=tag)))

    def plan_retention(self, retention: Retention, *, host: str) -> RetentionPlan:
        """Compute what a policy keeps and removes, per host and path; removes nothing."""
        output = self._caller.call(commands.plan(retention, host=host))
        if not output.strip() and not self.snapshots(host=host):
            return RetentionPlan(keep=(), remove=())  # restic says nothing about nothing
        return values.plan(output)

    def forget(self, ids: Sequence[str]) -> None:
        """Remove snapshots from the listing; their data stays until a prune.

        Args:
            ids: Full ids.

        Raises:
            RetentionUnsafe: One of them is not listed (nothing is removed then), or what is
                listed of their hosts afterwards is not what was before without them: others can
                forget meanwhile. An append-only repository answers 0 and removes nothing.
        """
        self._forget(ids, prune=False)

    def forget_and_prune(self, ids: Sequence[str]) -> None:
        """Remove exactly these snapshots, and the data nobody needs then; see ``forget``.

        With no ids at all nothing is done.
        """
        if ids:
            self._forget(ids, prune=True)

    def prune(self) -> None:
        """Remove the data that no snapshot needs, such as an interrupted run leaves."""
        self._caller.call(commands.PRUNE)

    def check(self, *, read_data_subset: str | None = None) -> CheckReport:
        """Check the repository's structure, and a part of its data.

        Args:
            read_data_subset: Such as ``2/7``; None for the structure only.

        Raises:
            RepositoryError: Something is wrong; the message has restic's lines.
        """
        output = self._caller.call(commands.check(read_data_subset))
        found = values.summary(output, values.CheckSummary, "check")
        if found is None:
            require_no_check_summary(self.require_version())
            return CheckReport(read_data_subset=read_data_subset)
        if found.num_errors:
            raise RepositoryError(f"{self.url}: restic check counted {found.num_errors} error(s)")
        return CheckReport(
            read_data_subset=read_data_subset,
            suggest_repair_index=found.suggest_repair_index,
            suggest_prune=found.suggest_prune,
        )

    def copy_from(self, source: Restic, ids: Sequence[str]) -> None:
        """Copy snapshots from another repository into this one.

        restic ends with 0 for ids it does not find, and copies everything when it is given
        none: so none is nothing here, and the caller confirms by listing.

        Args:
            source: The other repository.
            ids: Full ids there.
        """
        if ids:
            command = commands.copy(source._caller.place, ids)
            self._caller.call(command, source=source._caller)

    def restore(self, snapshot: Snapshot | str, target: Path) -> None:
        """Restore a snapshot; ``target`` then holds what the snapshot's one path held.

        A full id does too, and costs a call more: restic derives its key anew in each.

        Raises:
            NoSnapshot: There is no snapshot of that id.
            RepositoryError: It has not exactly one path, or not all of it came back.
        """
        found = self._find(snapshot) if isinstance(snapshot, str) else snapshot
        if found is None:
            raise NoSnapshot(f"{self.url} has no snapshot {snapshot}")
        if len(found.paths) != 1:
            raise RepositoryError(f"{found.short} has {len(found.paths)} paths; ours have one")
        output = self._caller.call(commands.restore(found.id, found.paths[0], target))
        done = values.require_summary(output, values.RestoreSummary, "restore")
        if not done.is_complete:
            raise RepositoryError(
                f"restic restored {done.files_restored} of {done.total_files} files and"
                f" {done.bytes_restored} of {done.total_bytes} bytes of {found.short}"
            )

    def stored_bytes(self) -> int:
        """Return the bytes the repository takes up: its files, or by restic's count."""
        directory = local_directory(self.url)
        if directory is not None:
            return directory_bytes(directory)
        output = self._caller.call(commands.STATS)
        return values.answer(output, values.Statistics, "stats").total_size

    def remove_orphaned_locks(self) -> tuple[str, ...]:
        """Remove the locks, if every one of them is provably orphaned; never blindly.

        Returns:
            The ids of the locks removed.

        Raises:
            RepositoryLocked: A holder may be alive; the message names it.
        """
        return self._caller.remove_orphaned_locks()

    def _holds(self, snapshot_id: str) -> bool:
        """Tell whether a snapshot is there, and whole: its name is the hash of what it is.

        A listing tells the same, and costs a call with a key of its own.
        """
        directory = local_directory(self.url)
        if directory is None:
            return self._find(snapshot_id) is not None
        try:
            stored = (directory / "snapshots" / snapshot_id).read_bytes()
        except OSError as error:
            raise RepositoryError(
                f"{self.url} does not hold the snapshot {snapshot_id}: {error}"
            ) from error
        return hashlib.sha256(stored).hexdigest() == snapshot_id

    def _find(self, snapshot_id: str) -> Snapshot | None:
        listed = values.snapshots(self._caller.call(commands.snapshots(ids=[snapshot_id])))
        return next((snapshot for snapshot in listed if snapshot.id == snapshot_id), None)

    def _forget(self, ids: Sequence[str], *, prune: bool) -> None:
        kept = self._without(ids)
        if ids:
            self._caller.call(commands.forget(ids, prune=prune))
        self._require_removed(ids, kept)

    def _without(self, ids: Sequence[str]) -> frozenset[str]:
        asked, before = frozenset(ids), self.snapshots()
        if unknown := asked - {snapshot.id for snapshot in before}:
            raise RetentionUnsafe(
                f"nothing was removed: {self.url} does not list {', '.join(sorted(unknown))}"
            )
        hosts = {snapshot.host for snapshot in before if snapshot.id in asked}
        return frozenset(snapshot.id for snapshot in before if snapshot.host in hosts) - asked

    def _require_removed(self, ids: Sequence[str], kept: frozenset[str]) -> None:
        listed = frozenset(snapshot.id for snapshot in self.snapshots())
        wrong = [f"{i} is still there" for i in sorted(listed & set(ids))]
        wrong += [f"{i}, to be kept, is gone" for i in sorted(kept - listed)]
        if wrong:
            raise RetentionUnsafe(f"{self.url} after forgetting: {'; '.join(wrong)}")
