"""What both repositories list, read once for everything that asks about this moment."""

from __future__ import annotations

from dataclasses import dataclass

from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.tools.restic import Restic, Snapshot

Listing = tuple[Snapshot, ...]


@dataclass(frozen=True)
class Listings:
    """The snapshots of one platform.

    Attributes:
        local: In the repository beside the data; None where it cannot be read.
        offsite: In the one elsewhere; None where it cannot be read, empty where there is none.
        problems: Why a repository cannot be read, in sentences.
    """

    local: Listing | None
    offsite: Listing | None
    problems: tuple[str, ...]


def list_repositories(site: Site) -> Listings:
    """List both repositories; one that does not open is a problem, and never an exception."""
    problems: list[str] = []
    local = _listing(site.local, "local", site.name, problems)
    offsite = _listing(site.offsite, "offsite", site.name, problems)
    return Listings(local, offsite, tuple(problems))


def _listing(restic: Restic | None, which: str, host: str, problems: list[str]) -> Listing | None:
    if restic is None:
        return ()
    try:
        return restic.snapshots(host=host)
    except AltBackupError as error:
        problems.append(f"the {which} repository cannot be read: {error}")
        return None
