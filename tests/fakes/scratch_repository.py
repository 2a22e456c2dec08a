"""Repositories in memory that have a password and a pack on the disk, for the self-test."""

from __future__ import annotations

from pathlib import Path

from alt_backup_assets.config import Repository
from alt_backup_assets.errors import RepositoryError, WrongPassword
from alt_backup_assets.tools.restic import Restic, Snapshot
from tests.fakes.restic import FakeRestic

_PACK = bytes(range(200))


class ScratchRestic(FakeRestic):
    """A repository that refuses another password, and a pack that is not as it was written."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.password = ""
        self.opened_with = ""

    def init(self, *, chunker_from: Restic | None = None) -> bool:
        """Make it, with one pack."""
        self.password = self.opened_with
        pack = Path(self.url) / "data" / "ab" / "abcd"
        pack.parent.mkdir(parents=True)
        pack.write_bytes(_PACK)
        return super().init(chunker_from=chunker_from)

    def restore(self, snapshot: Snapshot | str, target: Path) -> None:
        """Restore, where password and pack are right."""
        if self.opened_with != self.password:
            raise WrongPassword(f"{self.url}: the password file does not open the repository")
        if (Path(self.url) / "data" / "ab" / "abcd").read_bytes() != _PACK:
            raise RepositoryError(f"{self.url}: restic restore: ciphertext verification failed")
        super().restore(snapshot, target)


class ScratchRepositories:
    """Opens repositories of its own by their URL; see ``site.open_repository``."""

    def __init__(self) -> None:
        self.made: dict[str, ScratchRestic] = {}

    def __call__(self, place: Repository, _binary: Path, _cache: Path) -> Restic:
        """Open one, with the password that is in the file now."""
        found = self.made.setdefault(place.url, ScratchRestic(place.url))
        found.opened_with = place.password_file.read_text()
        return found
