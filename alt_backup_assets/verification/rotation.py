"""Chooses which volumes are drilled from offsite today, so that each has its turn in time.

Bringing everything over every day would cost too much traffic: so the ones that waited longest
go first, as many as the budget takes, and always at least one.

Source: LESSONS, "What none of the others does", item 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import by_tag
from alt_backup_assets.verification.drill import repository
from alt_backup_assets.verification.ledger import Ledger, open_ledger
from alt_backup_assets.verification.proof import failed_drills

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Rotation:
    """What is to be drilled from offsite now.

    Attributes:
        volumes: In the order of their turn.
        waiting: The others that have a copy.
        warning: Why not every volume is proved within the configured weeks; None where each is.
    """

    volumes: tuple[str, ...]
    waiting: tuple[str, ...]
    warning: str | None


@dataclass(frozen=True)
class _Turn:
    volume: str
    size_bytes: int | None
    drilled_at: datetime
    failed: bool


def rotation(site: Site, volumes: Iterable[str]) -> Rotation:
    """Choose among some volumes.

    A volume without a copy is always among the chosen: its drill says what is wrong.

    Args:
        site: The machine.
        volumes: Names of planned volumes.

    Raises:
        NoSnapshot: There is no offsite repository.
        RepositoryError: It does not open.
        LedgerError: The proofs cannot be believed.
    """
    listed = by_tag(repository(site, "offsite").snapshots(host=site.name))
    ledger = open_ledger(site)
    names = tuple(volumes)
    copies = {name: mine[-1] for name in names if (mine := listed.get(name))}
    turns = [_turn(ledger, name, copy.total_bytes) for name, copy in copies.items()]
    budget = site.config.offsite_proof.budget_mib << 20
    chosen = _that_fit(_in_order(turns), budget)
    without = (name for name in names if name not in copies)
    return Rotation(
        volumes=(*(turn.volume for turn in chosen), *without),
        waiting=tuple(turn.volume for turn in turns if turn not in chosen),
        warning=_warning(site, turns, budget),
    )


def _turn(ledger: Ledger, volume: str, size_bytes: int | None) -> _Turn:
    proofs = ledger.summaries(volume)
    drills = [proof for proof in proofs if proof.source == "offsite"]
    return _Turn(
        volume=volume,
        size_bytes=size_bytes,
        drilled_at=drills[-1].drilled_at if drills else _NEVER,
        failed=any(proof.source == "offsite" for proof in failed_drills(proofs)),
    )


def _in_order(turns: Iterable[_Turn]) -> tuple[_Turn, ...]:
    """Put the longest wait first. What failed is tried again soon, but never before that one."""
    ordered = sorted(turns, key=lambda turn: (turn.drilled_at, turn.volume))
    good = [turn for turn in ordered if not turn.failed]
    return (*good[:1], *(turn for turn in ordered if turn.failed), *good[1:])


def _that_fit(turns: Sequence[_Turn], budget_bytes: int) -> tuple[_Turn, ...]:
    chosen: list[_Turn] = []
    left = budget_bytes
    for turn in turns:
        size = budget_bytes if turn.size_bytes is None else turn.size_bytes
        if size <= left or not chosen:
            chosen.append(turn)
            left -= size
    return tuple(chosen)


def _warning(site: Site, turns: Sequence[_Turn], budget_bytes: int) -> str | None:
    weeks = site.config.offsite_proof.within_weeks
    allowed = _ticks(site, timedelta(weeks=weeks))
    needed, left = 0, tuple(sorted(turns, key=lambda turn: (turn.drilled_at, turn.volume)))
    while left:
        done = _that_fit(left, budget_bytes)
        left = tuple(turn for turn in left if turn not in done)
        needed += 1
    if needed <= allowed:
        return None
    return (
        f"proving every volume from offsite takes {needed} runs, and {allowed} are scheduled within"
        f" {weeks} weeks: raise `offsite_proof.budget_mib` or `within_weeks`"
    )


def _ticks(site: Site, window: timedelta) -> int:
    start = site.now().astimezone(site.config.timezone)
    count = 0
    for tick in CronSim(site.config.schedules.offsite_drill, start):
        if tick > start + window:
            break
        count += 1
    return count
