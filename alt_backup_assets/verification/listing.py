"""The snapshots of one repository, listed once for all the drills, or restores, of a run.

restic derives its key anew in every call, so a listing per volume costs as much as a small
volume's drill. Keep out: which of the snapshots a caller wants (``drill``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from alt_backup_assets.errors import AltBackupError, NoSnapshot
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import of_volume
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.drill import (
    Target,
    newest_target,
    repository,
    snapshot_target,
)
from alt_backup_assets.verification.proof import Source


class Listing:
    """What a repository lists. It is asked on first use; what came of that stays, good or bad.

    Args:
        site: The machine.
        source: The repository.
    """

    def __init__(self, site: Site, source: Source = "local") -> None:
        self._site = site
        self._source: Source = source
        self._answer: Sequence[Snapshot] | AltBackupError | None = None

    def newest(self, volume: str, *, day: date | None = None) -> Target:
        """Find the newest snapshot of a volume; see ``newest_target``."""
        return newest_target(
            self._site, volume, source=self._source, day=day, listed=self._snapshots()
        )

    def by_id(self, volume: str, snapshot_id: str) -> Target:
        """Find one snapshot of a volume; see ``snapshot_target``."""
        return snapshot_target(
            self._site, volume, snapshot_id, source=self._source, listed=self._snapshots()
        )

    def as_of(self, volume: str, moment: datetime) -> Target:
        """Find the newest snapshot of a volume whose data is not newer than a moment.

        Raises:
            NoSnapshot: There is none; the message has the oldest one's time.
        """
        mine = of_volume(self._snapshots(), volume)
        early = [snapshot for snapshot in mine if snapshot.time <= moment]
        if not early:
            oldest = f"; its oldest is of {mine[0].time:%Y-%m-%dT%H:%M:%SZ}" if mine else ""
            raise NoSnapshot(
                f"{volume} has no snapshot as of {moment.isoformat()} in the {self._source}"
                f" repository{oldest}"
            )
        return Target(volume, early[-1], self._source)

    def _snapshots(self) -> Sequence[Snapshot]:
        if self._answer is None:
            try:
                self._answer = repository(self._site, self._source).snapshots(host=self._site.name)
            except AltBackupError as error:
                self._answer = error
        if isinstance(self._answer, AltBackupError):
            raise self._answer
        return self._answer
