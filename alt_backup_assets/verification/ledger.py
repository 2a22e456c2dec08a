"""The ledger of proofs: one append-only chain per volume, kept in the repository too.

Every line holds a proof and the hash of the line before it, so that a line changed or taken
out shows. The files live in the state directory and go into the repository, and so offsite,
after every drill; where the directory is gone they come back from there, and on a bare machine
from offsite.

A chain alone does not show that its end was cut off, or that all of it was replaced by an older
copy. So each publication first notes how long every chain is (``heads``), and the snapshot of the
ledger carries the hash of that note as a tag: a listing alone then tells whether the ledger on
the disk still holds everything that was published.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from pydantic import ValidationError

from alt_backup_assets.errors import LedgerError, RepositoryMissing
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER, of_volume
from alt_backup_assets.tools.record_file import keep_text
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.heads import Head, Published, head_tag, line_hash
from alt_backup_assets.verification.proof import Proof, ProofSummary

_START = "0" * 64
_LOCK_SECONDS = 600
_NOTES_KEPT = 16


class _Entry(Frozen):
    previous: str
    proof: Proof


class _Summary(Frozen):
    previous: str
    proof: ProofSummary


_E = TypeVar("_E", _Entry, _Summary)


class Ledger:
    """The proofs of all volumes under one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """Where its files are."""
        return self._root

    def proofs(self, volume: str) -> tuple[Proof, ...]:
        """Return a volume's proofs in the order they were made.

        Raises:
            LedgerError: A line was changed, taken out, or cannot be read.
        """
        lines = self._lines(volume)
        return tuple(entry.proof for entry in self._followed(volume, lines, _Entry))

    def summaries(self, volume: str) -> tuple[ProofSummary, ...]:
        """Return what a verdict is judged by, of all of a volume's proofs in their order.

        The last one is a whole ``Proof``: the line behind vouches for every other one, and none
        for that.

        Raises:
            LedgerError: As ``proofs``, but the details of older proofs are not looked at.
        """
        lines = self._lines(volume)
        found = [entry.proof for entry in self._followed(volume, lines, _Summary)]
        return (*found[:-1], *(self._read(volume, len(lines), x, _Entry).proof for x in lines[-1:]))

    def _followed(self, volume: str, lines: Iterable[bytes], kind: type[_E]) -> Iterator[_E]:
        """Read lines, requiring that each follows the one before."""
        previous = _START
        for number, line in enumerate(lines, start=1):
            entry = self._read(volume, number, line, kind)
            if entry.previous != previous:
                raise LedgerError(f"{self._path(volume)}:{number} does not follow the line before")
            yield entry
            previous = line_hash(line)

    def _read(self, volume: str, number: int, line: bytes, kind: type[_E]) -> _E:
        try:
            return kind.model_validate_json(line)
        except ValidationError:
            raise LedgerError(f"{self._path(volume)}:{number} is damaged") from None

    def heads(self) -> tuple[Head, ...]:
        """Return how long every chain is and how it ends, in the order of the volumes' names."""
        found = ((path.stem, self._lines(path.stem)) for path in sorted(self._root.glob("*.jsonl")))
        return tuple(
            Head(volume=volume, length=len(lines), sha256=line_hash(lines[-1]))
            for volume, lines in found
            if lines
        )

    def require(self, head: Head) -> None:
        """Require that a chain still holds what it once ended with.

        Raises:
            LedgerError: It is shorter, or another line stands there.
        """
        lines = self._lines(head.volume)
        if len(lines) < head.length:
            raise LedgerError(
                f"{self._path(head.volume)} has {len(lines)} proofs, and {head.length} were"
                " published: its end was cut off"
            )
        if line_hash(lines[head.length - 1]) != head.sha256:
            raise LedgerError(
                f"{self._path(head.volume)}:{head.length} is not the proof that was published"
            )

    def published(self) -> tuple[Published, ...]:
        """Return the newest notes of what was, or was about to be, published; oldest first.

        Raises:
            LedgerError: They cannot be read.
        """
        try:
            lines = self._notes.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        try:
            return tuple(Published.model_validate_json(line) for line in lines)
        except ValidationError:
            raise LedgerError(f"{self._notes} is damaged") from None

    def noted(self, tag: str) -> Published:
        """Return the note that a snapshot of the ledger was published with.

        Raises:
            LedgerError: There is no such note: this ledger is older, or another one.
        """
        for note in self.published():
            if note.tag == tag:
                return note
        raise LedgerError(f"{self._notes} has no note of what was published last: it is older")

    def note(self, *, last: str | None = None) -> Published:
        """Write down the heads as they are, on the disk before this returns, and return them.

        The note is made before the snapshot that it is published with, and older notes stay
        beside it: so it does no harm that a publication is under way, or was interrupted.

        Args:
            last: The tag of the last publication, whose note is never dropped.
        """
        noted, now = self.published(), Published(heads=self.heads())
        if not noted or noted[-1] != now:
            old = [note for note in noted[:-_NOTES_KEPT] if note.tag == last]
            kept = (*old, *noted[-_NOTES_KEPT:], now)
            keep_text(self._notes, "".join(f"{note.model_dump_json()}\n" for note in kept))
        return now

    def append(self, proof: Proof) -> None:
        """Add a proof behind the others, on the disk before this returns.

        Raises:
            LedgerError: The chain so far is damaged; nothing is added to it.
        """
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.summaries(proof.volume)
        lines = self._lines(proof.volume)
        entry = _Entry(previous=line_hash(lines[-1]) if lines else _START, proof=proof)
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

    @property
    def _notes(self) -> Path:
        return self._root / ".heads"  # no volume's name begins with a dot

    def _path(self, volume: str) -> Path:
        return self._root / f"{volume}.jsonl"


def open_ledger(site: Site, *, listed: Iterable[Snapshot] | None = None) -> Ledger:
    """Return the ledger of a site, brought back from the repository where it is gone.

    Args:
        site: The machine.
        listed: What the local repository lists, where it was asked already.

    Raises:
        RepositoryError: It is gone, and the repository that holds it cannot be read.
        VolumeBusy: It is gone, and another run that brings it back does not end.
    """
    root = site.state / "ledger"
    if not root.exists():
        with site.lock("ledger", wait_seconds=_LOCK_SECONDS):
            _bring_back(site, root, listed)
    return Ledger(root)


def publish(site: Site) -> None:
    """Put the ledger, as it is now, into the local repository.

    Raises:
        LedgerError: It no longer holds what was published before; nothing is put in, so that
            a ledger that was cut never takes the place of the whole one.
        RepositoryError: It could not be put in.
    """
    with site.lock("ledger-snapshot", wait_seconds=_LOCK_SECONDS):
        ledger = Ledger(site.state / "ledger")
        listed = site.local.snapshots(host=site.name, tag=LEDGER)
        require_published(ledger, listed)
        last = head_tag(listed[-1]) if listed else None
        tags = [LEDGER, ledger.note(last=last).tag]
        site.local.backup(site.state / "ledger", host=site.name, tags=tags, taken_at=site.now())


def require_published(
    ledger: Ledger, listed: Iterable[Snapshot], *, volume: str | None = None
) -> None:
    """Require that the ledger on the disk holds everything its newest snapshot does.

    Args:
        ledger: The one on the disk.
        listed: Snapshots of one repository or of both; those of volumes are passed over.
        volume: Whose chain alone; None for all of them.

    Raises:
        LedgerError: A chain was cut or rewritten, or the ledger is an older copy; with what to do.
    """
    held = of_volume(listed, LEDGER)
    tag = head_tag(held[-1]) if held else None
    if tag is None:  # never published, or before heads were kept
        return
    try:
        for head in ledger.noted(tag).heads:
            if volume in {None, head.volume}:
                ledger.require(head)
    except LedgerError as error:
        raise LedgerError(
            f"the ledger of proofs was changed behind our back: {error}. Look into it, then move"
            f" {ledger.root} away: the published ledger comes back from the repository"
        ) from None


def heads(site: Site) -> tuple[Head, ...]:
    """Return the end of every volume's chain, for whoever publishes it elsewhere.

    Raises:
        RepositoryError: The ledger is gone, and cannot be brought back.
    """
    return open_ledger(site).heads()


def _bring_back(site: Site, root: Path, listed: Iterable[Snapshot] | None) -> None:
    if root.exists():  # another drill, side by side with this one, was first
        return
    found = _newest(site, listed)
    if found is None:
        root.mkdir(mode=0o700)  # nothing was ever proven: nobody need ask again
        return
    repository, snapshot = found
    aside = Path(mkdtemp(prefix=".ledger-", dir=site.state))
    try:
        repository.restore(snapshot, aside)
        aside.rename(root)
    finally:
        if aside.exists():
            shutil.rmtree(aside)


def _newest(site: Site, listed: Iterable[Snapshot] | None) -> tuple[Restic, Snapshot] | None:
    """Find the ledger in the local repository, or offsite where there is no other yet."""
    repository = site.local
    try:
        listed = repository.snapshots(host=site.name) if listed is None else listed
    except RepositoryMissing:
        if site.offsite is None:
            raise
        repository = site.offsite  # a bare machine
        listed = repository.snapshots(host=site.name)
    held = of_volume(listed, LEDGER)
    return (repository, held[-1]) if held else None
