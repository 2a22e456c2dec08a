"""The retention guard: old snapshots are removed only while nothing hangs on them.

The plan is computed first. What was proven last is kept whatever the policy says: a second backup
within the hour must neither take its place before its own drill, nor be red for it. The plan is
refused as a whole, with every reason at once, where the newest backups cannot be trusted to take
the place of older ones. A refusal is red and names its volumes, so that nothing fills the disk in
silence.

Source: SPEC sections 3 and 4; LESSONS, "What none of the others does", item 3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alt_backup_assets.config import Repository
from alt_backup_assets.errors import RetentionUnsafe
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots import retention
from alt_backup_assets.snapshots.back_up import Notify, expire_dumps
from alt_backup_assets.snapshots.tags import by_tag
from alt_backup_assets.tools.restic import RetentionPlan, Snapshot
from alt_backup_assets.verification.drill import repository
from alt_backup_assets.verification.ledger import open_ledger
from alt_backup_assets.verification.proof import ProofSummary, Source, failed_drills
from alt_backup_assets.verification.repository_check import prune_is_due

_REMEDY = {"local": "alt-backup backup --include {name}", "offsite": "alt-backup offsite"}


@dataclass(frozen=True)
class Guarded:
    """What retention would do, and why it must not.

    Attributes:
        plan: What would be kept and removed.
        refusals: A sentence per reason, each with what to do; empty where it may go ahead.
    """

    plan: RetentionPlan
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class _Volume:
    """One volume in one repository: all a refusal can come from."""

    volume: Volume
    source: Source
    listed: Sequence[Snapshot]
    proofs: Sequence[ProofSummary]


def plan(site: Site, source: Source = "local") -> Guarded:
    """Compute what retention would do in a repository, and whether it may; removes nothing.

    Raises:
        RetentionUnsafe: The repository is append-only, or the policy itself would remove a
            volume's newest snapshot.
        LedgerError: The proofs cannot be believed, so nobody knows what was proven.
    """
    return _guarded(site, source, _by_policy(site, source))


def _by_policy(site: Site, source: Source) -> RetentionPlan:
    return retention.plan(site, repository(site, source), _configured(site, source))


def _guarded(site: Site, source: Source, planned: RetentionPlan) -> Guarded:
    listed = by_tag(planned.listed)
    ledger = open_ledger(site, listed=planned.listed if source == "local" else None)
    volumes = [
        _Volume(volume, source, listed.get(volume.name, ()), ledger.summaries(volume.name))
        for volume in site.registry.planned
    ]
    proven = {newest.id for found in volumes if (newest := _newest_proven(found))}
    refusals = (
        f"{found.volume.name}: {reason}" for found in volumes for reason in _refusals(site, found)
    )
    return Guarded(_sparing(planned, proven), tuple(refusals))


def _sparing(planned: RetentionPlan, proven: Collection[str]) -> RetentionPlan:
    spared = tuple(s for s in planned.remove if s.id in proven)
    return RetentionPlan(
        keep=(*planned.keep, *spared),
        remove=tuple(s for s in planned.remove if s.id not in proven),
        spared=spared,
    )


def _newest_proven(found: _Volume) -> Snapshot | None:
    proven = {proof.snapshot for proof in found.proofs if proof.verdict == "PROVEN"}
    return next((s for s in reversed(found.listed) if s.lineage in proven), None)


def retain(site: Site, source: Source = "local") -> RetentionPlan | None:
    """Plan, and remove what is not kept, if nothing hangs on it.

    Returns:
        What was kept and removed, as the listing afterwards confirms; None where the
        repository is append-only and keeps everything.

    Raises:
        RetentionUnsafe: It was refused, with every reason; or the listing is not the plan.
    """
    if _configured(site, source).append_only:
        return None
    return carry_out(site, plan(site, source), source)


def carry_out(site: Site, guarded: Guarded, source: Source = "local") -> RetentionPlan:
    """Remove what is planned, if nothing hangs on it.

    Where nothing goes, data that no snapshot needs is removed all the same if the newest check
    has found some.

    Returns:
        The plan.

    Raises:
        RetentionUnsafe: It was refused, with every reason; or the listing is not the plan.
    """
    restic = repository(site, source)
    if guarded.refusals:
        listing = "\n".join(f"  {reason}" for reason in guarded.refusals)
        raise RetentionUnsafe(f"nothing was removed from {restic.url}:\n{listing}")
    retention.apply(restic, guarded.plan, prune=prune_is_due(site, source))
    return guarded.plan


def tidy(site: Site, notify: Notify) -> tuple[dict[str, tuple[str, ...]], RetentionPlan | None]:
    """Remove what no policy keeps from this machine: dumps on the disk, then local snapshots.

    Dumps first: they are held by snapshots, and a refusal must not fill the disk with them.

    Args:
        site: The machine.
        notify: Gets a line for each volume whose dumps are left for the next time.

    Returns:
        The ids of the dumps removed, by volume; and what ``retain`` returns.

    Raises:
        RetentionUnsafe: As ``retain``.
    """
    if _configured(site, "local").append_only:
        listed = site.local.snapshots(host=site.name)
        return expire_dumps(site, listed, notify=notify), None
    planned = _by_policy(site, "local")
    expired = expire_dumps(site, planned.listed, notify=notify)
    return expired, carry_out(site, _guarded(site, "local", planned))


def _configured(site: Site, source: Source) -> Repository:
    repositories = site.config.repositories
    offsite = repositories.offsite if source == "offsite" else None
    return offsite or repositories.local


def _refusals(site: Site, found: _Volume) -> Iterator[str]:
    yield from _not_backed_up(site, found)
    yield from _drill_failed(found)
    yield from _shrunken(found, site.config.retention_guard.max_shrink)


def _not_backed_up(site: Site, found: _Volume) -> Iterator[str]:
    # A copy follows its snapshot by hours, and by a day where a run was missed.
    rpo = found.volume.rpo
    allowed: timedelta = rpo.warn if found.source == "local" else rpo.fail
    remedy = f"run `{_REMEDY[found.source].format(name=found.volume.name)}`"
    if not found.listed:
        yield f"it has no snapshot in the {found.source} repository: {remedy}"
    elif site.now() - found.listed[-1].time > allowed:
        taken_at = f"{found.listed[-1].time:%Y-%m-%d %H:%M} UTC"
        yield f"the newest snapshot, of {taken_at}, is too old to stand for older ones: {remedy}"


def _drill_failed(found: _Volume) -> Iterator[str]:
    # What only the machine kept from a verdict says nothing against the snapshot; what was proven
    # before it is kept.
    for failed in failed_drills(proof for proof in found.proofs if not proof.undecided):
        yield (
            f"the newest {failed.source} drill, of {failed.snapshot[:8]}, failed: look into it,"
            f" then run `alt-backup drill --from {failed.source} {found.volume.name}`"
        )


def _shrunken(found: _Volume, max_shrink: float) -> Iterator[str]:
    sizes = [s.total_bytes for s in found.listed[-2:] if s.total_bytes is not None]
    if len(sizes) == 2 and sizes[1] < sizes[0] * (1 - max_shrink):  # noqa: PLR2004 -- a pair
        yield (
            f"the newest snapshot has {sizes[1]} bytes and the one before {sizes[0]}: look for"
            f" what is gone; if that is right, the next backup, `alt-backup backup --include"
            f" {found.volume.name}`, ends this"
        )
