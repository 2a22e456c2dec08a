"""Forgets old copies by the offsite policy, where anything can be removed from here at all."""

from __future__ import annotations

from alt_backup_assets.offsite.copy import target
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.retention import retain
from alt_backup_assets.tools.restic import RetentionPlan


def retain_copies(site: Site) -> RetentionPlan | None:
    """Apply the offsite retention.

    Returns:
        What was kept and removed; None where the target is append-only and keeps everything.

    Raises:
        RetentionUnsafe: The plan would leave a volume without its newest copy, or the listing
            afterwards is not the plan.
    """
    restic, configured = target(site), site.config.repositories.offsite
    if configured is None or configured.append_only:
        return None
    return retain(site, restic, configured)
