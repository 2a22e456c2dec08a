"""The restore drill: bring a snapshot back and require that nothing differs.

Restores from the repository, never from the file that happens to lie on the disk; checks every
file against the hash taken when it was written; opens the dump with the engine's own programs
in a throw-away target; compares what came back with what was recorded at the source.

Source: SPEC section 5; decision record, work package 7.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path

from alt_backup_assets.dumps.drivers import driver
from alt_backup_assets.dumps.record import (
    RECORD_NAME,
    Comparison,
    DumpRecord,
    artifact_differences,
    compare,
    read_record,
)
from alt_backup_assets.dumps.take import require_space
from alt_backup_assets.errors import AltBackupError, NoSnapshot, PlatformError, Transient
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import of_volume
from alt_backup_assets.tools.parallel import in_words
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.verification.ledger import Ledger, open_ledger
from alt_backup_assets.verification.proof import Proof, Source, worth_showing

PACKAGE = "alt_backup_assets"

# A full disk, and what damaged data makes of a parser, are Python's own errors.
_FAILURES = (AltBackupError, OSError, ValueError, LookupError)
_IN_THE_WAY = (PlatformError, Transient, OSError)
"""The ones that say nothing of the snapshot: an engine that was restarted, a disk that is full."""


@dataclass(frozen=True)
class Target:
    """A snapshot to drill.

    Attributes:
        volume: Whose.
        snapshot: As its repository lists it.
        source: Which repository that is.
    """

    volume: str
    snapshot: Snapshot
    source: Source


def newest_target(
    site: Site,
    volume: str,
    *,
    source: Source = "local",
    day: date | None = None,
    listed: Sequence[Snapshot] | None = None,
) -> Target:
    """Find the newest snapshot of a volume.

    Args:
        site: The machine.
        volume: A planned volume.
        source: The repository to look in.
        day: Only snapshots of this backup day; None for any.
        listed: What that repository lists, where it was asked already.

    Raises:
        NoSnapshot: There is none.
        RepositoryError: The repository does not open.
    """
    mine = of_volume(_listed(site, source, listed), volume, day=day)
    if not mine:
        when = f" of {day}" if day else ""
        raise NoSnapshot(f"{volume} has no snapshot{when} in the {source} repository")
    return Target(volume, mine[-1], source)


def snapshot_target(
    site: Site,
    volume: str,
    snapshot_id: str,
    *,
    source: Source = "local",
    listed: Sequence[Snapshot] | None = None,
) -> Target:
    """Find one snapshot of a volume by its id, or the start of it.

    Args:
        site: The machine.
        volume: A planned volume.
        snapshot_id: A copy is found by its own id and by that of the snapshot it is of.
        source: The repository to look in.
        listed: What that repository lists, where it was asked already.

    Raises:
        NoSnapshot: The volume has none of that id there, or several.
    """
    mine = of_volume(_listed(site, source, listed), volume)
    found = [s for s in mine if s.id.startswith(snapshot_id) or s.lineage.startswith(snapshot_id)]
    if len(found) != 1:
        count = len(found) or "no"
        raise NoSnapshot(
            f"{volume} has {count} snapshots in the {source} repository whose id starts with"
            f" {snapshot_id}"
        )
    return Target(volume, found[0], source)


def drill(site: Site, target: Target, *, again: bool = True) -> Proof | None:
    """Restore a snapshot into a throw-away target, compare, and record the proof.

    Args:
        site: The machine.
        target: What to restore, and from where.
        again: Drill it even where the ledger has a proof that speaks of this snapshot; without
            it None is returned then, and nothing is done.

    Returns:
        The proof, PROVEN or FAILED, already in the ledger. Whatever goes wrong once the drill
        has begun makes it FAILED; nothing of the drill is left on the machine.

    Raises:
        VolumeBusy: A drill of this volume is running.
        LedgerError: The proof could not be recorded.
    """
    timeout = site.registry.volume(target.volume).timeout_minutes * 60
    with site.lock(f"drill-{target.volume}", wait_seconds=timeout):
        ledger = open_ledger(site)
        if not again and _is_drilled(ledger, target):
            return None
        drilling, undecided = _Drilling(site, target), False
        try:
            differences = drilling.run()
        except _FAILURES as error:
            differences = (in_words(error),)
            undecided = isinstance(error, _IN_THE_WAY)
        proof = drilling.proof(differences, undecided=undecided)
        ledger.append(proof)
        return proof


def repository(site: Site, source: Source) -> Restic:
    """Return the repository of that name.

    Raises:
        NoSnapshot: The configuration has none elsewhere.
    """
    if source == "local":
        return site.local
    if site.offsite is None:
        raise NoSnapshot("there is no `repositories.offsite` in the configuration")
    return site.offsite


def identity_differences(site: Site, target: Target, record: DumpRecord) -> tuple[str, ...]:
    """Say where a dump that came back is not the one its snapshot claims to be."""
    facts = (
        ("volume", target.volume, record.volume),
        ("platform", site.name, record.platform),
        (
            "data time",
            f"{target.snapshot.time:%Y-%m-%dT%H:%M:%SZ}",
            f"{record.taken_at:%Y-%m-%dT%H:%M:%SZ}",
        ),
    )
    return tuple(
        f"the snapshot is of {name} {expected}, the dump in it of {found}"
        for name, expected, found in facts
        if expected != found
    )


def scratch_directory(site: Site, volume: str) -> Path:
    """Return where the drill of a volume restores to; its drill lock guards it."""
    return site.scratch / f"drill-{volume}"


@dataclass
class _Drilling:
    """One drill while it runs: what is known so far, in case it stops here."""

    site: Site
    target: Target
    phases: dict[str, float] = field(default_factory=dict)
    record: DumpRecord | None = None
    record_sha256: str | None = None
    comparison: Comparison | None = None
    tools: dict[str, str] = field(default_factory=dict)

    def run(self) -> tuple[str, ...]:
        snapshot = self.target.snapshot
        self.tools = tool_versions(self.site)
        require_space(
            self.site.scratch, snapshot.total_bytes or 0, f"the drill of {self.target.volume}"
        )
        with self._fetched() as directory:
            self.record = read_record(directory)
            self.record_sha256 = _sha256(directory / RECORD_NAME)
            with self._phase("hash"):
                damaged = artifact_differences(self.record, directory)
            if wrong := (*identity_differences(self.site, self.target, self.record), *damaged):
                return wrong
            with self._phase("restore"):
                engine = driver(self.record.engine, self.record.volume)
                restored = engine.rehearse(self.record, directory, self.site.platform)
            self.comparison = compare(self.record.content, restored)
            return self.comparison.differences

    @contextmanager
    def _fetched(self) -> Iterator[Path]:
        directory = scratch_directory(self.site, self.target.volume)
        if directory.exists():  # a crash left it
            shutil.rmtree(directory)
        directory.mkdir(mode=0o700)
        try:
            with self._phase("fetch"):
                source = repository(self.site, self.target.source)
                source.restore(self.target.snapshot, directory)
            yield directory
        finally:
            shutil.rmtree(directory)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - started, 3)

    def proof(self, differences: tuple[str, ...], *, undecided: bool) -> Proof:
        record, comparison = self.record, self.comparison
        complete = comparison is not None and not differences
        return Proof(
            volume=self.target.volume,
            snapshot=self.target.snapshot.lineage,
            source=self.target.source,
            verdict="PROVEN" if complete else "FAILED",
            differences=differences,
            undecided=undecided,
            taken_at=self.target.snapshot.time,
            drilled_at=self.site.now(),
            phases=self.phases,
            counts=record.content.counts() if record else {},
            compared=worth_showing(comparison.compared) if comparison else (),
            dump_id=record.dump_id if record else None,
            runtime=record.runtime if record else None,
            server_version=record.server_version if record else "",
            record_sha256=self.record_sha256,
            dump_sha256=record.dump_sha256 if record else None,
            fingerprint=record.fingerprint if record else None,
            tools=self.tools,
        )


def _listed(site: Site, source: Source, listed: Sequence[Snapshot] | None) -> Sequence[Snapshot]:
    return repository(site, source).snapshots(host=site.name) if listed is None else listed


def _is_drilled(ledger: Ledger, target: Target) -> bool:
    proofs = ledger.summaries(target.volume)
    return any(
        proof.snapshot == target.snapshot.lineage and not proof.undecided for proof in proofs
    )


def tool_versions(site: Site) -> dict[str, str]:
    """Return the versions of what a drill is made with, by name.

    Raises:
        ToolMissing: restic is not there, or too old.
    """
    return {PACKAGE: metadata.version(PACKAGE), "restic": site.local.require_version()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
