"""Finds the new snapshots that no drill has come to a verdict on yet.

A drill that failed of the machine is made again, or the volume would stay red, and retention
refused, until the next backup. One that found something wrong is not: it would be repeated until
it happens to be green.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.ledger import open_ledger

NEW = timedelta(days=2)
"""Older snapshots are left to the weekly drill, so that a first start is no stampede."""

ATTEMPTS = 3
"""After that a person has to look: whatever is in the way does not go by itself."""


@dataclass(frozen=True)
class Undrilled:
    """A local snapshot that waits for its drill.

    Attributes:
        volume: Whose.
        snapshot: As the repository lists it.
        attempts: How many drills of it failed of the machine.
    """

    volume: str
    snapshot: Snapshot
    attempts: int


def undrilled(site: Site) -> tuple[Undrilled, ...]:
    """Return the new local snapshots without a verdict, oldest first in each volume.

    With hourly snapshots only the newest of a volume counts, and only where the volume was not
    drilled that day.

    Raises:
        RepositoryError: The repository does not open.
        LedgerError: The proofs cannot be believed.
    """
    snapshots = site.local.snapshots(host=site.name)
    listed = by_tag(snapshots)
    ledger = open_ledger(site, listed=snapshots)
    since = site.now() - NEW
    found: list[Undrilled] = []
    for volume in site.registry.planned:
        proofs = ledger.summaries(volume.name)
        decided = {proof.snapshot for proof in proofs if not proof.undecided}
        attempts = Counter(proof.snapshot for proof in proofs if proof.undecided)
        fresh = [s for s in listed.get(volume.name, ()) if s.time > since]
        waiting = [snapshot for snapshot in fresh if snapshot.lineage not in decided]
        if site.config.schedules.hourly_snapshots:
            days = {site.day_of(proof.drilled_at) for proof in proofs if not proof.undecided}
            waiting = [] if site.today in days else waiting[-1:]
        found += [
            Undrilled(volume.name, snapshot, attempts[snapshot.lineage])
            for snapshot in waiting
            if attempts[snapshot.lineage] < ATTEMPTS
        ]
    return tuple(found)
