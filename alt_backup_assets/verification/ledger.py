"""The ledger of proofs: one append-only chain per volume, kept in the repository too.

Every line holds a proof and the hash of the line before it, so that a line changed or taken
out shows. The files live in the state directory and go into the repository, and so offsite,
after every drill; where the directory is gone they come back from there, and on a bare machine
from offsite.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from pydantic import ValidationError

from alt_backup_assets.errors import LedgerError, RepositoryMissing
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER, of_volume
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.proof import Proof

_START = "0" * 64
_LOCK_SECONDS = 600


class _Entry(Frozen):
    previous: str
    proof: Proof


class Ledger:
    """The proofs of all volumes under one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def proofs(self, volume: str) -> tuple[Proof, ...]:
        """Return a volume's proofs in the order they were made.

        Raises:
            LedgerError: A line was changed, taken out, or cannot be read.
        """
        proofs = []
        previous = _START
        for number, line in enumerate(self._lines(volume), start=1):
            try:
                entry = _Entry.model_validate_json(line)
            except ValidationError:
                raise LedgerError(f"{self._path(volume)}:{number} is damaged") from None
            if entry.previous != previous:
                raise LedgerError(f"{self._path(volume)}:{number} does not follow the line before")
            proofs.append(entry.proof)
            previous = _hash(line)
        return tuple(proofs)

    def append(self, proof: Proof) -> None:
        """Add a proof behind the others, on the disk before this returns.

        Raises:
            LedgerError: The chain so far is damaged; nothing is added to it.
        """
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.proofs(proof.volume)
        lines = self._lines(proof.volume)
        entry = _Entry(previous=_hash(lines[-1]) if lines else _START, proof=proof)
        whole = sum(len(line) + 1 for line in lines)
        with self._path(proof.volume).open("ab") as stream:
            stream.truncate(whole)  # a line a crash tore was never reported
            stream.write(entry.model_dump_json().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _lines(self, volume: str) -> list[bytes]:
        try:
            return self._path(volume).read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def _path(self, volume: str) -> Path:
        return self._root / f"{volume}.jsonl"


def open_ledger(site: Site) -> Ledger:
    """Return the ledger of a site, brought back from the repository where it is gone.

    Raises:
        RepositoryError: It is gone, and the repository that holds it cannot be read.
        VolumeBusy: It is gone, and another run that brings it back does not end.
    """
    root = site.state / "ledger"
    if not root.exists():
        with site.lock("ledger", wait_seconds=_LOCK_SECONDS):
            _bring_back(site, root)
    return Ledger(root)


def publish(site: Site) -> None:
    """Put the ledger, as it is now, into the local repository."""
    with site.lock("ledger-snapshot", wait_seconds=_LOCK_SECONDS):
        site.local.backup(site.state / "ledger", host=site.name, tags=[LEDGER], taken_at=site.now())


def _bring_back(site: Site, root: Path) -> None:
    if root.exists():  # another drill, side by side with this one, was first
        return
    found = _newest(site)
    if found is None:
        return
    repository, snapshot = found
    aside = Path(mkdtemp(prefix=".ledger-", dir=site.state))
    try:
        repository.restore(snapshot.id, aside)
        aside.rename(root)
    finally:
        if aside.exists():
            shutil.rmtree(aside)


def _newest(site: Site) -> tuple[Restic, Snapshot] | None:
    """Find the ledger in the local repository, or offsite where there is no other yet."""
    repository = site.local
    try:
        listed = repository.snapshots(host=site.name)
    except RepositoryMissing:
        if site.offsite is None:
            raise
        repository = site.offsite  # a bare machine
        listed = repository.snapshots(host=site.name)
    held = of_volume(listed, LEDGER)
    return (repository, held[-1]) if held else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
