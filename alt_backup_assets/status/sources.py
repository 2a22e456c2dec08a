"""What a moment is judged by: both listings and the proofs, read once for whoever asks.

A repository that does not open and a chain that cannot be believed are problems, told in
sentences, and never an exception. Keep out: what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alt_backup_assets.dumps.take import store
from alt_backup_assets.dumps.unchanged import WATCHED
from alt_backup_assets.errors import AltBackupError, LedgerError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import DumpTags
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
            believed, without any volume where there is no ledger to be read.
        problems: What cannot be read or believed, in sentences.
    """

    local: Listing | None
    offsite: Listing | None
    chains: Mapping[str, Chain | None]
    problems: tuple[str, ...]


def read_sources(site: Site) -> Sources:
    """List both repositories and read the ledger."""
    problems: list[str] = []
    local = _renewed(site, _listing(site.local, "local", site.name, problems))
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


def _renewed(site: Site, local: Listing | None) -> Listing | None:
    """Date the snapshots of dumps whose source was seen unchanged later by that moment.

    Only here: a copy elsewhere is of the data as it was when it was made.
    """
    if local is None:
        return None
    watched = (volume.name for volume in site.registry.planned if volume.engine in WATCHED)
    found = map(store(site).newest, watched)
    renewed = {DumpTags.of(d.record).dump: d.data_at for d in found if d and d.unchanged_at}
    times = [max((renewed[t] for t in s.tags if t in renewed), default=s.time) for s in local]
    return tuple(
        snapshot.model_copy(update={"time": time}) if time > snapshot.time else snapshot
        for snapshot, time in zip(local, times, strict=True)
    )


def _chains(site: Site, listed: Listing, problems: list[str]) -> dict[str, Chain | None]:
    try:
        ledger = open_ledger(site)
    except AltBackupError as error:
        problems.append(f"the proofs cannot be read: {error}")
        return {}
    try:
        require_published(ledger, listed)
    except LedgerError as error:
        problems.append(str(error))
    return {v.name: _chain(ledger, v.name, problems) for v in site.registry.planned}


def _chain(ledger: Ledger, volume: str, problems: list[str]) -> Chain | None:
    try:
        return ledger.proofs(volume)
    except LedgerError as error:
        problems.append(f"the proofs of {volume} cannot be believed: {error}")
        return None
