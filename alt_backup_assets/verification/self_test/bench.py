"""The scratch site of a self-test: a repository, a ledger and locks of its own.

The drill that runs on it is the product's own, unchanged; its proofs end in a ledger that is
removed with everything else here.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from alt_backup_assets.config import Directories, Repository
from alt_backup_assets.dumps.planting import Change, Sound, make_record_agree
from alt_backup_assets.dumps.tree import copy_tree
from alt_backup_assets.errors import DrillError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import DumpTags
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.verification.drill import Target, drill
from alt_backup_assets.verification.proof import Proof

SELF_TEST = "self-test"
"""The lock that a self-test holds, and the directory it works in."""


@dataclass(frozen=True)
class Bench:
    """Where faults are planted and drilled.

    Attributes:
        room: The directory that holds all of it.
        real: The site whose verifier is tested; nothing is written to it.
        place: The scratch repository, and the file of its password.
    """

    room: Path
    real: Site
    place: Repository

    def repository(self, place: Repository | None = None, cache: str = "cache") -> Restic:
        """Open the scratch repository, where asked for by another password or without a cache."""
        return self.real.open_repository(
            place or self.place, self.real.config.restic, self.room / cache
        )

    def directory(self, name: str) -> Path:
        """Make an empty directory."""
        path = self.room / name
        path.mkdir(mode=0o700)
        return path

    def plant(self, sound: Sound, change: Change, *, agrees: bool = True) -> Snapshot:
        """Take a snapshot of a changed copy, as if it were the sound dump's own.

        Args:
            sound: What is copied.
            change: Changes the copy.
            agrees: Whether its record is made to agree with what it became.
        """
        copy = self.room / "planted"
        try:
            copy_tree(sound.directory, copy)
            change(copy)
            if agrees:
                make_record_agree(copy)
            return self.save(copy, DumpTags.of(sound.record).all, sound.record.taken_at)
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def save(self, directory: Path, tags: Sequence[str], taken_at: datetime) -> Snapshot:
        """Take a snapshot of a directory, whatever it claims to be."""
        return self.repository().backup(
            directory, host=self.real.name, tags=tags, taken_at=taken_at
        )

    def drill(self, volume: str, snapshot: Snapshot, repository: Restic | None = None) -> Proof:
        """Drill a snapshot of the scratch repository.

        Raises:
            DrillError: The drill gave no proof.
        """
        scratch = replace(self._site(), local=repository or self.repository())
        proof = drill(scratch, Target(volume, snapshot, "local"))
        if proof is None:
            raise DrillError(f"the drill of {volume} came to no verdict")
        return proof

    def _site(self) -> Site:
        state = self.room / "state"
        directories = Directories(state=state, scratch=self.room / "restored")
        config = self.real.config.model_copy(update={"directories": directories})
        (state / "ledger").mkdir(mode=0o700, parents=True, exist_ok=True)
        return replace(self.real, config=config, offsite=None)


def room_of(site: Site) -> Path:
    """Return where the self-test of a site works; its own lock guards it."""
    return site.scratch / SELF_TEST


@contextmanager
def open_bench(site: Site) -> Iterator[Bench]:
    """Make the scratch site with an empty repository; leaving the context removes all of it.

    Raises:
        RepositoryError: The scratch repository could not be made.
        ToolError: restic did not do its work.
    """
    room = room_of(site)
    if room.exists():  # a crash left it
        shutil.rmtree(room)
    room.mkdir(mode=0o700)
    try:
        place = Repository(
            url=str(room / "repository"), password_file=new_password(room / "password")
        )
        bench = Bench(room, site, place)
        bench.repository().init()
        yield bench
    finally:
        shutil.rmtree(room)


def new_password(path: Path) -> Path:
    """Write a password nobody knows into a file of mode 0600, and return the file."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secrets.token_urlsafe(32) + "\n")
    return path
