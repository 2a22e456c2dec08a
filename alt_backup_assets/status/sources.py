"""What a moment is judged by: both listings and the proofs, read once for whoever asks.

A repository that does not open and a chain that cannot be believed are problems, told in
sentences, and never an exception. Keep out: what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alt_backup_assets.errors import AltBackupError, LedgerError
from alt_backup_assets.site import Site
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.verification.ledger import Ledger, open_ledger, require_published
from alt_backup_assets.verification.proof import Proof

Listing = tuple[Snapshot, ...]
Chain = tuple[Proof, ...]


@dataclass(frozen=True)
class Sources:
    """What was read.

    Attributes:
        local: Snapshots in the repository beside the data; None where it cannot be read.
        offsite: Those in the one elsewhere; None where it cannot be read, empty where there is
            none.
        chains: The proofs of each planned volume, oldest first; None where they cannot be
            believed, damaged or cut; without any volume where there is no ledger to be read.
        problems: What cannot be read or believed, in sentences.
    """

    local: Listing | None
    offsite: Listing | None
    chains: Mapping[str, Chain | None]
    problems: tuple[str, ...]


def read_sources(site: Site) -> Sources:
    """List both repositories and read the ledger."""
    problems: list[str] = []
    local = _listing(site.local, "local", site.name, problems)
    offsite = _listing(site.offsite, "offsite", site.name, problems)
    chains = _chains(site, (*(local or ()), *(offsite or ())), problems)
    return Sources(local, offsite, chains, tuple(problems))


def _listing(restic: Restic | None, which: str, host: str, problems: list[str]) -> Listing | None:
    if restic is None:
        return ()
    try:
        return restic.snapshots(host=host)
    except AltBackupError as error:
        problems.append(f"the {which} repository cannot be read: {error}")
        return None


def _chains(site: Site, listed: Listing, problems: list[str]) -> dict[str, Chain | None]:
    try:
        ledger = open_ledger(site)
    except AltBackupError as error:
        problems.append(f"the proofs cannot be read: {error}")
        return {}
    volumes = [volume.name for volume in site.registry.planned]
    try:
        require_published(ledger, listed)
    except LedgerError as error:
        problems.append(str(error))
        whole = {name for name in volumes if _is_whole(ledger, listed, name)}
    else:
        whole = set(volumes)
    chains = {name: _chain(ledger, name, problems) for name in volumes}
    return {name: chain if name in whole else None for name, chain in chains.items()}


def _is_whole(ledger: Ledger, listed: Listing, volume: str) -> bool:
    try:
        require_published(ledger, listed, volume=volume)
    except LedgerError:
        return False
    return True


def _chain(ledger: Ledger, volume: str, problems: list[str]) -> Chain | None:
    try:
        return ledger.proofs(volume)
    except LedgerError as error:
        problems.append(f"the proofs of {volume} cannot be believed: {error}")
        return None
