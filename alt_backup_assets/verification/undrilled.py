"""Finds the new snapshots that no drill has looked at yet."""

from __future__ import annotations

from datetime import timedelta

from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.ledger import open_ledger

NEW = timedelta(days=2)
"""Older snapshots are left to the weekly drill, so that a first start is no stampede."""


def undrilled(site: Site) -> tuple[Target, ...]:
    """Return the new local snapshots without a proof, oldest first in each volume.

    With hourly snapshots only the newest of a volume counts, and only where the volume was not
    drilled that day.

    Raises:
        RepositoryError: The repository does not open.
        LedgerError: The proofs cannot be believed.
    """
    listed = by_tag(site.local.snapshots(host=site.name))
    ledger = open_ledger(site)
    since = site.now() - NEW
    found = []
    for volume in site.registry.planned:
        proofs = ledger.summaries(volume.name)
        drilled = {proof.snapshot for proof in proofs}
        fresh = [s for s in listed.get(volume.name, ()) if s.time > since]
        waiting = [snapshot for snapshot in fresh if snapshot.lineage not in drilled]
        if site.config.schedules.hourly_snapshots:
            days = {site.day_of(proof.drilled_at) for proof in proofs}
            waiting = [] if site.today in days else waiting[-1:]
        found += [Target(volume.name, snapshot, "local") for snapshot in waiting]
    return tuple(found)
