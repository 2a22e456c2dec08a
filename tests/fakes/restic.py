"""A restic repository in memory, with the methods of the real one and faults on demand.

It stands at the tool seam: a stage cannot tell it from ``Restic``, and no program is started.
``tests/restic_contract.py`` runs the same sentences over both. Keep out: exit codes, locks and
anything else that only the real program has.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from alt_backup_assets.config import Repository
from alt_backup_assets.errors import (
    AltBackupError,
    NoSnapshot,
    RepositoryError,
    RepositoryMissing,
    RetentionUnsafe,
)
from alt_backup_assets.tools.restic import CheckReport, Restic, RetentionPlan, Snapshot
from alt_backup_assets.tools.restic.place import Retention

_BUCKETS = {"hourly": "%Y%m%d%H", "daily": "%Y%m%d", "weekly": "%G%V", "monthly": "%Y%m"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong at a call.

    Attributes:
        error: What the call raises.
        after: Raise it when the work is done, as if killed a moment later; otherwise nothing
            is done.
    """

    error: AltBackupError
    after: bool = False


@dataclass(frozen=True)
class _Entry:
    mode: int
    modified_ns: int
    content: bytes | None  # None for a directory


class FakeRestic(Restic):
    """One repository in memory.

    Args:
        url: How messages name it.
        append_only: Forgetting answers success and removes nothing, as such servers do.
        exists: Whether it is initialised already.

    Attributes:
        calls: The name of every public call, in order.
        faults: What goes wrong, by position in ``calls`` (from 0) or by name of the call.
        damage: What ``check`` finds, None for nothing.
        left_data: Whether ``check`` finds data that no snapshot needs.
    """

    def __init__(
        self, url: str = "/fake/repository", *, append_only: bool = False, exists: bool = False
    ) -> None:
        nowhere = Path("/nonexistent")
        super().__init__(
            Repository(url=url, password_file=nowhere / "password", append_only=append_only),
            binary=nowhere / "restic",
            cache_dir=nowhere / "cache",
            run=_refuse,
        )
        self.calls: list[str] = []
        self.faults: dict[int | str, Fault] = {}
        self.damage: str | None = None
        self.left_data = False
        self._append_only = append_only
        self._exists = exists
        self._snapshots: dict[str, Snapshot] = {}
        self._trees: dict[str, Mapping[str, _Entry]] = {}
        self._lock = threading.RLock()

    def require_version(self) -> str:
        """Return a version that is new enough."""
        with self._call("require_version"):
            return "0.18.0"

    def open(self) -> None:
        """Raise ``RepositoryMissing`` where it was not initialised."""
        with self._call("open"):
            self._require_existing()

    def init(self, *, chunker_from: Restic | None = None) -> bool:  # noqa: ARG002 -- no chunks here
        """Initialise it once."""
        with self._call("init"):
            made, self._exists = not self._exists, True
            return made

    def backup(
        self,
        path: Path,
        *,
        host: str,
        tags: Sequence[str],
        taken_at: datetime,
        exclude: Sequence[str] = (),
    ) -> Snapshot:
        """Keep the files below ``path``, their modes and modification times."""
        with self._call("backup"):
            self._require_existing()
            if not path.is_dir():
                raise RepositoryError(f"{path}: not a directory")
            tree = _read(path, exclude)
            snapshot = Snapshot(
                id=_digest(self.url, str(len(self.calls)), str(path), str(taken_at)),
                time=taken_at.astimezone(UTC).replace(microsecond=0),
                host=host,
                paths=(str(path),),
                tags=tuple(tags),
                total_bytes=sum(len(entry.content or b"") for entry in tree.values()),
            )
            self._keep(snapshot, tree)
            return snapshot

    def snapshots(self, *, host: str | None = None, tag: str | None = None) -> tuple[Snapshot, ...]:
        """List, oldest data first."""
        with self._call("snapshots"):
            self._require_existing()
            listed = (
                snapshot
                for snapshot in self._snapshots.values()
                if host in (None, snapshot.host) and (tag is None or tag in snapshot.tags)
            )
            return tuple(sorted(listed, key=lambda snapshot: (snapshot.time, snapshot.id)))

    def plan_retention(self, retention: Retention, *, host: str) -> RetentionPlan:
        """Keep the newest snapshot of each of the last so many periods, per path."""
        with self._call("plan_retention"):
            self._require_existing()
            groups: dict[tuple[str, ...], list[Snapshot]] = defaultdict(list)
            newest_first = sorted(
                self._snapshots.values(), key=lambda s: (s.time, s.id), reverse=True
            )
            for snapshot in newest_first:
                if snapshot.host == host:
                    groups[snapshot.paths].append(snapshot)
            kept = {s.id for group in groups.values() for s in _kept(group, retention)}
            mine = [snapshot for group in groups.values() for snapshot in group]
            return RetentionPlan(
                keep=tuple(snapshot for snapshot in mine if snapshot.id in kept),
                remove=tuple(snapshot for snapshot in mine if snapshot.id not in kept),
            )

    def forget(self, ids: Sequence[str]) -> None:
        """Remove snapshots; refused for an unknown id, and where it is append-only."""
        with self._call("forget"):
            self._drop(ids)

    def forget_and_prune(self, ids: Sequence[str]) -> None:
        """Remove snapshots; there is no other data to prune here."""
        with self._call("forget_and_prune"):
            self._drop(ids)

    def prune(self) -> None:
        """Do nothing: no data is without a snapshot here."""
        with self._call("prune"):
            self._require_existing()

    def check(self, *, read_data_subset: str | None = None) -> CheckReport:
        """Raise what ``damage`` says."""
        with self._call("check"):
            self._require_existing()
            if self.damage:
                raise RepositoryError(self.damage)
            return CheckReport(read_data_subset=read_data_subset, suggest_prune=self.left_data)

    def copy_from(self, source: Restic, ids: Sequence[str]) -> None:
        """Copy what the source has; silent about ids it has not, as restic is."""
        with self._call("copy_from"):
            self._require_existing()
            assert isinstance(source, FakeRestic), "a fake copies from a fake"
            source._require_existing()
            here = {snapshot.lineage for snapshot in self._snapshots.values()}
            for snapshot in (source._snapshots[i] for i in ids if i in source._snapshots):
                if snapshot.lineage not in here:
                    copy = {
                        "id": _digest(self.url, snapshot.lineage),
                        "original": snapshot.lineage,
                    }
                    self._keep(snapshot.model_copy(update=copy), source._trees[snapshot.id])

    def restore(self, snapshot: Snapshot | str, target: Path) -> None:
        """Write the files into ``target``."""
        snapshot_id = snapshot if isinstance(snapshot, str) else snapshot.id
        with self._call("restore"):
            self._require_existing()
            if snapshot_id not in self._trees:
                raise NoSnapshot(f"{self.url} has no snapshot {snapshot_id}")
            _write(self._trees[snapshot_id], target)

    def stored_bytes(self) -> int:
        """Return the size of the distinct contents."""
        with self._call("stored_bytes"):
            self._require_existing()
            contents = {e.content or b"" for tree in self._trees.values() for e in tree.values()}
            return sum(len(content) for content in contents)

    def remove_orphaned_locks(self) -> tuple[str, ...]:
        """Return nothing: a fake has no locks."""
        with self._call("remove_orphaned_locks"):
            return ()

    def damage_file(self, snapshot_id: str, name: str, content: bytes) -> None:
        """Replace the content of a file in a snapshot, as bit rot would."""
        tree = self._trees[snapshot_id]
        entry = tree[name]
        self._trees[snapshot_id] = {**tree, name: _Entry(entry.mode, entry.modified_ns, content)}

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        with self._lock:
            fault = self.faults.get(len(self.calls)) or self.faults.get(name)
            self.calls.append(name)
            if fault and not fault.after:
                raise fault.error
            yield
            if fault:
                raise fault.error

    def _require_existing(self) -> None:
        if not self._exists:
            raise RepositoryMissing(f"{self.url}: there is no repository")

    def _keep(self, snapshot: Snapshot, tree: Mapping[str, _Entry]) -> None:
        self._snapshots[snapshot.id] = snapshot
        self._trees[snapshot.id] = tree

    def _drop(self, ids: Sequence[str]) -> None:
        self._require_existing()
        if unknown := set(ids) - set(self._snapshots):
            raise RetentionUnsafe(f"nothing was removed: unknown {', '.join(sorted(unknown))}")
        if ids and self._append_only:
            raise RetentionUnsafe(f"{self.url} after forgetting: {ids[0]} is still there")
        for snapshot_id in ids:
            del self._snapshots[snapshot_id], self._trees[snapshot_id]


def _refuse(*_arguments: object, **_options: object) -> NoReturn:
    raise AssertionError("a fake starts no program")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read(path: Path, exclude: Sequence[str]) -> dict[str, _Entry]:
    tree: dict[str, _Entry] = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(file.name, p) for p in exclude):
            continue
        status = file.lstat()
        content = file.read_bytes() if file.is_file() else None
        tree[name] = _Entry(status.st_mode & 0o7777, status.st_mtime_ns, content)
    return tree


def _write(tree: Mapping[str, _Entry], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, entry in sorted(tree.items()):
        file = target / name
        if entry.content is None:
            file.mkdir(exist_ok=True)
        else:
            file.write_bytes(entry.content)
        file.chmod(entry.mode)
        os.utime(file, ns=(entry.modified_ns, entry.modified_ns))


def _kept(newest_first: Sequence[Snapshot], retention: Retention) -> Iterator[Snapshot]:
    limits = {
        "hourly": retention.hourly,
        "daily": retention.daily,
        "weekly": retention.weekly,
        "monthly": retention.monthly,
    }
    for period, limit in limits.items():
        buckets: dict[str, Snapshot] = {}
        for snapshot in newest_first:
            buckets.setdefault(snapshot.time.strftime(_BUCKETS[period]), snapshot)
        yield from list(buckets.values())[:limit]
