"""Copies snapshots to the repository that is elsewhere. A copy, never a mirror of deletions.

``restic copy`` ends with 0 when it was asked for an unknown id, and its exit codes do not tell
which side failed: so each side is opened first, and only the listing of the target confirms.

Source: SPEC section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
from alt_backup_assets.snapshots.tags import LEDGER, of_volume
from alt_backup_assets.tools.restic import Restic, Snapshot

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
    with _side("local"):
        offsite.require_version()
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
    return tuple(new for name in volumes for new in _newer(source, copies, name))


def copy_snapshots(site: Site, volumes: Iterable[str]) -> tuple[Copied, ...]:
    """Copy the snapshots of these volumes that are newer than their copies, and the ledger.

    What the offsite retention removed, being older, is not copied again.

    Args:
        site: The machine.
        volumes: Names of planned volumes.

    Returns:
        The newest copy of each volume that has a snapshot, confirmed by listing the target.

    Raises:
        RepositoryError: A side does not open, or the copy failed.
        CopyUnconfirmed: restic reported success and the listing says otherwise.
    """
    offsite = open_both(site)
    names = list(volumes)
    source = site.local.snapshots(host=site.name)
    before = offsite.snapshots(host=site.name)
    missing = [new for name in (*names, LEDGER) for new in _newer(source, before, name)]
    if missing:
        offsite.copy_from(site.local, [snapshot.id for snapshot in missing])
    known = {snapshot.lineage for snapshot in before}
    after = {snapshot.lineage: snapshot for snapshot in offsite.snapshots(host=site.name)}
    if absent := [snapshot for snapshot in missing if snapshot.lineage not in after]:
        listing = ", ".join(f"{s.short} ({' '.join(s.tags)})" for s in absent)
        raise CopyUnconfirmed(f"{offsite.url} does not list the copies of: {listing}")
    newest = ((name, of_volume(source, name)) for name in names)
    return tuple(
        Copied(name, mine[-1], after[mine[-1].lineage], mine[-1].lineage not in known)
        for name, mine in newest
        if mine
    )


def require_copies(copies: Iterable[Copied], volumes: Iterable[str]) -> None:
    """Refuse to be content while a volume has no copy.

    Raises:
        VolumesFailed: Naming the volumes that have no snapshot to copy.
    """
    copied = {copy.volume for copy in copies}
    without = "it has no snapshot in the local repository: nothing was copied"
    if missing := {name: without for name in volumes if name not in copied}:
        raise VolumesFailed("offsite copy", missing)


def _newer(
    source: Iterable[Snapshot], copies: Iterable[Snapshot], tag: str
) -> tuple[Snapshot, ...]:
    copied = of_volume(copies, tag)
    mine = of_volume(source, tag)
    return tuple(s for s in mine if not copied or s.time > copied[-1].time)
