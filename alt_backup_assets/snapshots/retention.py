"""Forgets old snapshots by the operator's policy, and believes only the listing afterwards.

Source: SPEC section 3 (group by host and path, never by tags: the day tag would make every
group a day long and nothing would ever expire).
"""

from __future__ import annotations

from alt_backup_assets.config import Repository
from alt_backup_assets.errors import RetentionUnsafe
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag
from alt_backup_assets.tools.restic import Restic, RetentionPlan


def plan(site: Site, restic: Restic, repository: Repository) -> RetentionPlan:
    """Compute which snapshots the policy keeps and which it removes.

    Args:
        site: The machine.
        restic: The repository.
        repository: Its configuration, with the policy.

    Returns:
        The plan; nothing is removed.

    Raises:
        RetentionUnsafe: The repository is append-only, or the plan would leave a volume of the
            registry without its newest snapshot.
    """
    if repository.append_only:
        raise RetentionUnsafe(
            f"{restic.url} is append-only: nothing can be removed from here, and an exit code 0"
            " of `forget` there would be a lie"
        )
    restic.require_version()
    planned = restic.plan_retention(repository.retention, host=site.name)
    # Only what is in the plan can be removed, so the plan is all there is to look at. (Of two of
    # one second the kept one is as new.)
    planned_for = by_tag(planned.listed)
    kept = {snapshot.id for snapshot in planned.keep}
    for volume in site.registry.planned:
        mine = planned_for.get(volume.name)
        if mine and mine[-1].id not in kept:
            raise RetentionUnsafe(f"the plan would remove the newest snapshot of {volume.name}")
    return planned


def apply(restic: Restic, planned: RetentionPlan, *, prune: bool = False) -> None:
    """Remove exactly what was planned, with the data nobody needs then, and list again.

    Args:
        restic: The repository.
        planned: What stays and what goes.
        prune: Remove the data nobody needs even where no snapshot goes.

    Raises:
        RetentionUnsafe: The listing afterwards is not the plan.
        RepositoryError: restic failed.
    """
    restic.forget_and_prune([snapshot.id for snapshot in planned.remove])
    if prune and not planned.remove:
        restic.prune()
