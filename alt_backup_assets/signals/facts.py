"""Everything the metrics say, read at one moment.

Each repository is listed once, and the ledger read once. What cannot be read is None, or is left
out, and so is the metric: an unknown number never looks like a good one. Add what another stage
can tell here, as a field with its reading; keep out what a metric is called.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alt_backup_assets.drift.read import read_drift
from alt_backup_assets.drift.report import Drift
from alt_backup_assets.dumps.postgresql.files import archive_name
from alt_backup_assets.dumps.record import RECORD_NAME
from alt_backup_assets.dumps.store import Shelf
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.registry.volume import RecoveryPointObjective, Volume
from alt_backup_assets.signals.signal_path import (
    SignalPathResult,
    can_be_asked,
    newest_signal_path,
)
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.report import Status
from alt_backup_assets.status.sources import Listing, Sources, read_sources
from alt_backup_assets.tools.restic.place import local_directory
from alt_backup_assets.verification.ledger import heads
from alt_backup_assets.verification.proof import ProofSummary
from alt_backup_assets.verification.repository_check import (
    CheckResult,
    newest_result,
    read_data_cycle,
)
from alt_backup_assets.verification.self_test.result import SelfTestResult, newest_self_test


@dataclass(frozen=True)
class Snapshots:
    """What a repository holds of the volumes; the ledger of proofs is not counted.

    Attributes:
        count: How many snapshots.
        oldest_at: Data time of the oldest; None where there is none.
        newest_at: Data time of the newest; None where there is none.
    """

    count: int
    oldest_at: datetime | None
    newest_at: datetime | None


@dataclass(frozen=True)
class DatabaseDump:
    """The newest dump of one PostgreSQL database on this machine's disk.

    Attributes:
        database: Its name.
        taken_at: Its recovery point; None where there is no dump.
        size_bytes: Size of its archive; None where there is no dump.
    """

    database: str
    taken_at: datetime | None
    size_bytes: int | None


@dataclass(frozen=True)
class Disk:
    """The file system with the smallest free share of those that backups are written to."""

    total_bytes: int
    used_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Chain:
    """One volume's chain in the ledger of proofs.

    Attributes:
        drills: All its proofs, oldest first; None where the chain cannot be believed.
        head: Hash of its last line in hexadecimal; None where that is not known.
    """

    drills: tuple[ProofSummary, ...] | None
    head: str | None = None


@dataclass(frozen=True)
class Facts:
    """One moment.

    Attributes:
        status: What can be relied on; its time is that of everything here.
        objectives: Each planned volume's recovery point objective.
        local: The local repository; None where it does not open.
        offsite: The offsite repository; None where it does not open, or there is none.
        has_offsite: Whether there is one.
        databases: Every planned PostgreSQL database.
        dump_files: Files of all dumps on the disk.
        disk: Room for backups.
        chains: The ledger, by volume; empty where it cannot be opened.
        drift: None where it could not be judged.
        check: The newest check of the local repository; None where there was none.
        read_data_at: When all data of the repository was last read through; None for not yet.
        self_test: The newest; None where there was none.
        signal_path: Whether what was sent arrives; None where it is not tested.
    """

    status: Status
    objectives: Mapping[str, RecoveryPointObjective]
    local: Snapshots | None
    offsite: Snapshots | None
    has_offsite: bool
    databases: tuple[DatabaseDump, ...]
    dump_files: int
    disk: Disk
    chains: Mapping[str, Chain]
    drift: Drift | None
    check: CheckResult | None
    read_data_at: datetime | None
    self_test: SelfTestResult | None
    signal_path: SignalPathResult | None


def read_facts(site: Site) -> Facts:
    """Read what can be told of this moment.

    Args:
        site: The machine.

    Raises:
        OSError: Our own directories cannot be read, so that nothing is known.
    """
    sources = read_sources(site)
    planned = site.registry.planned
    has_offsite = site.offsite is not None
    return Facts(
        status=read_status(site, sources),
        objectives={volume.name: volume.rpo for volume in planned},
        local=_snapshots(sources.local),
        offsite=_snapshots(sources.offsite) if has_offsite else None,
        has_offsite=has_offsite,
        databases=tuple(_databases(planned, sources.shelves)),
        dump_files=_dump_files(site),
        disk=_disk(site),
        chains=_read_chains(site, sources),
        drift=_drift(site, sources.local),
        check=_check(site),
        read_data_at=read_data_cycle(site).cycle_completed_at,
        self_test=_self_test(site),
        signal_path=newest_signal_path(site) if can_be_asked(site) else None,
    )


def _snapshots(listing: Listing | None) -> Snapshots | None:
    if listing is None:
        return None
    times = [snapshot.time for snapshot in listing if volume_of(snapshot)]
    return Snapshots(len(times), min(times, default=None), max(times, default=None))


def _databases(planned: Iterable[Volume], shelves: Mapping[str, Shelf]) -> Iterator[DatabaseDump]:
    """Find the newest dump of every database; of two with one name, the older one counts."""
    databases = [
        (v.name, name) for v in planned if v.engine == "postgresql" for name in v.databases
    ]
    newest = {volume: next(reversed(shelves[volume].dumps), None) for volume, _ in databases}
    names = dict.fromkeys(name for _, name in databases)
    for name in names:
        dumps = [newest[volume] for volume, database in databases if database == name]
        found = [dump for dump in dumps if dump]
        sizes = [
            artifact.size_bytes
            for dump in found
            for artifact in dump.record.artifacts
            if artifact.path == archive_name(name)
        ]
        if len(sizes) < len(dumps):
            yield DatabaseDump(name, None, None)
        else:
            yield DatabaseDump(name, min(dump.data_at for dump in found), sum(sizes))


def _dump_files(site: Site) -> int:
    # os.walk passes over a dump that expires meanwhile.
    return sum(
        name != RECORD_NAME and Path(place, name).is_file()
        for dump in (site.state / "dumps").glob("*/[!.]*")
        for place, _directories, files in os.walk(dump)
        for name in files
    )


def _disk(site: Site) -> Disk:
    repository = local_directory(site.local.url)
    places = [site.state, site.scratch, *([repository] if repository else [])]
    usages = [shutil.disk_usage(place) for place in places if place.exists()]
    tightest = min(usages, key=lambda usage: usage.free / usage.total)
    return Disk(tightest.total, tightest.used, tightest.free)


def _read_chains(site: Site, sources: Sources) -> dict[str, Chain]:
    try:
        ends = {head.volume: head.sha256 for head in heads(site)}
    except AltBackupError:
        ends = {}  # the status says why
    return {
        volume: Chain(drills, None if drills is None else ends.get(volume))
        for volume, drills in sources.chains.items()
    }


def _check(site: Site) -> CheckResult | None:
    try:
        return newest_result(site)
    except AltBackupError:
        return None  # the status says that nobody knows


def _self_test(site: Site) -> SelfTestResult | None:
    try:
        return newest_self_test(site)
    except AltBackupError:
        return None  # the status says that nobody knows


def _drift(site: Site, listing: Listing | None) -> Drift | None:
    if listing is None:
        return None
    try:
        return read_drift(site, listing)
    except AltBackupError:
        return None
