"""Copies snapshots to the repository that is elsewhere. A copy, never a mirror of deletions.

``restic copy`` ends with 0 when it was asked for an unknown id, and its exit codes do not tell
which side failed: so each side is opened first, and only the listing of the target confirms.

Source: SPEC section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import stamina

from alt_backup_assets.errors import (
    ConfigurationError,
    CopyUnconfirmed,
    RepositoryError,
    RepositoryMissing,
    Transient,
    VolumesFailed,
)
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import LEDGER, by_tag, of_volume
from alt_backup_assets.tools.restic import Restic, Snapshot

_ByTag = Mapping[str, tuple[Snapshot, ...]]
_patiently = stamina.RetryingCaller(attempts=3).on(Transient)


@dataclass(frozen=True)
class Copied:
    """A snapshot that is in both repositories.

    Attributes:
        volume: Whose.
        source: As the local repository lists it.
        copy: As the offsite repository lists it; it has an id of its own.
        is_new: False where it was there before.
    """

    volume: str
    source: Snapshot
    copy: Snapshot
    is_new: bool


def target(site: Site) -> Restic:
    """Return the offsite repository.

    Raises:
        ConfigurationError: None is configured.
    """
    if site.offsite is None:
        raise ConfigurationError(
            "there is no `repositories.offsite` in the configuration: no copy is elsewhere"
        )
    return site.offsite


def open_both(site: Site) -> Restic:
    """Prove that both repositories open, initialising the target where there is none.

    Raises:
        RepositoryError: Naming the side that does not open.
    """
    offsite = target(site)
    offsite.require_version()
    with _side("local"):
        _patiently(site.local.open)
    with _side("offsite"):
        _patiently(offsite.init, chunker_from=site.local)
    return offsite


@contextmanager
def _side(name: str) -> Iterator[None]:
    try:
        yield
    except RepositoryError as error:
        raise type(error)(f"the {name} repository does not open: {error}") from error


def uncopied(site: Site, volumes: Iterable[str]) -> tuple[Snapshot, ...]:
    """Return the snapshots of these volumes that a copy would bring over now; changes nothing.

    Raises:
        RepositoryError: A side does not open; that there is no target yet is none of these.
    """
    offsite = target(site)
    with _side("local"):
        source = site.local.snapshots(host=site.name)
    try:
        with _side("offsite"):
            copies = offsite.snapshots(host=site.name)
    except RepositoryMissing:
        copies = ()
    here, there = by_tag(source), by_tag(copies)
    return tuple(new for name in volumes for new in _newer(here, there, name))


def copy_snapshots(
    site: Site, volumes: Iterable[str], *, day: date | None = None
) -> tuple[Copied, ...]:
    """Copy the snapshots of these volumes that are newer than their copies, and the ledger.

    What the offsite retention removed, being older, is not copied again.

    Args:
        site: The machine.
        volumes: Names of planned volumes.
        day: The backup day whose newest snapshots are to be there in the end; None for the
            newest of all.

    Returns:
        The copy of that snapshot for each volume that has one, confirmed by listing the target.

    Raises:
        RepositoryError: A side does not open, or the copy failed.
        CopyUnconfirmed: restic reported success and the listing says otherwise.
    """
    offsite = open_both(site)
    names = list(volumes)
    source = site.local.snapshots(host=site.name)
    before = offsite.snapshots(host=site.name)
    known = {snapshot.lineage for snapshot in before}
    here, there = by_tag(source), by_tag(before)
    of_day = {name: of_volume(here.get(name, ()), name, day=day) for name in names}
    wanted = {name: mine[-1] for name, mine in of_day.items() if mine}
    newer = (new for name in (*names, LEDGER) for new in _newer(here, there, name))
    missing = {s.id: s for s in (*newer, *wanted.values()) if s.lineage not in known}
    if missing:
        offsite.copy_from(site.local, list(missing))
    after = {snapshot.lineage: snapshot for snapshot in offsite.snapshots(host=site.name)}
    if absent := [snapshot for snapshot in missing.values() if snapshot.lineage not in after]:
        listing = ", ".join(f"{s.short} ({' '.join(s.tags)})" for s in absent)
        raise CopyUnconfirmed(f"{offsite.url} does not list the copies of: {listing}")
    return tuple(
        Copied(name, snapshot, after[snapshot.lineage], snapshot.lineage not in known)
        for name, snapshot in wanted.items()
    )


def require_copies(copies: Iterable[Copied], volumes: Iterable[str]) -> None:
    """Refuse to be content while a volume has no copy.

    Raises:
        VolumesFailed: Naming the volumes that have no snapshot to copy.
    """
    copied = {copy.volume for copy in copies}
    without = "the local repository has no such snapshot of it: nothing was copied"
    if missing := {name: without for name in volumes if name not in copied}:
        raise VolumesFailed("offsite copy", missing)


def _newer(here: _ByTag, there: _ByTag, tag: str) -> tuple[Snapshot, ...]:
    copied = there.get(tag)
    return tuple(s for s in here.get(tag, ()) if not copied or s.time > copied[-1].time)
