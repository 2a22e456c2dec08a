"""What a moment is judged by: both listings, the dumps and the proofs, read once for whoever asks.

A repository that does not open and a chain that cannot be believed are problems, told in
sentences, and never an exception. Keep out: what follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alt_backup_assets.dumps.store import Shelf
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import AltBackupError, LedgerError
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import DumpTags
from alt_backup_assets.tools.parallel import each
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.ledger import Ledger, open_ledger, require_published
from alt_backup_assets.verification.proof import ProofSummary

Listing = tuple[Snapshot, ...]
Chain = tuple[ProofSummary, ...]


@dataclass(frozen=True)
class Sources:
    """What was read.

    Attributes:
        local: Snapshots in the repository beside the data; None where it cannot be read.
        offsite: Those in the one elsewhere; None where it cannot be read, empty where there is
            none.
        shelves: The dumps of each planned volume.
        chains: The proofs of each planned volume, oldest first; None where they cannot be
            believed, damaged or cut; without any volume where there is no ledger to be read.
        problems: What cannot be read or believed, in sentences.
    """

    local: Listing | None
    offsite: Listing | None
    shelves: Mapping[str, Shelf]
    chains: Mapping[str, Chain | None]
    problems: tuple[str, ...]


def read_sources(site: Site) -> Sources:
    """List both repositories, read the records of the dumps and the ledger."""
    problems: list[str] = []
    shelves = {volume.name: store(site).shelf(volume.name) for volume in site.registry.planned}
    local, offsite = _listings(site, problems)
    local = None if local is None else _renewed(local, shelves.values())
    chains = _chains(site, (*(local or ()), *(offsite or ())), problems)
    return Sources(local, offsite, shelves, chains, tuple(problems))


def _listings(site: Site, problems: list[str]) -> tuple[Listing | None, Listing | None]:
    """List both repositories side by side: each takes restic a second for its key alone."""
    found: dict[str, Listing | None] = {"local": (), "offsite": ()}
    repositories = {"local": site.local, "offsite": site.offsite}
    asked = {which: restic for which, restic in repositories.items() if restic}

    def listing(which: str) -> Listing:
        return asked[which].snapshots(host=site.name)

    outcomes = {o.item: o for o in each(asked, listing, workers=len(asked))}
    for which in asked:
        found[which] = outcomes[which].value
        if (error := outcomes[which].error) is None:
            continue
        if not isinstance(error, AltBackupError):
            raise error
        problems.append(f"the {which} repository cannot be read: {error}")
    return found["local"], found["offsite"]


def _renewed(local: Listing, shelves: Iterable[Shelf]) -> Listing:
    """Date the snapshots of dumps whose source was seen unchanged later by that moment.

    Only here: a copy elsewhere is of the data as it was when it was made.
    """
    newest = (shelf.dumps[-1] for shelf in shelves if shelf.dumps)
    renewed = {DumpTags.of(d.record).dump: d.data_at for d in newest if d.unchanged_at}
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
        return ledger.summaries(volume)
    except LedgerError as error:
        problems.append(f"the proofs of {volume} cannot be believed: {error}")
        return None
