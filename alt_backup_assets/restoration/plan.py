"""What a restore of one volume will do, as a value that can be read before anything is done.

The same sentences are shown by ``--dry-run`` and told while the work goes on. Keep out: finding
out whether it can be done (``preflight``), and doing it (``run``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.listing import Listing
from alt_backup_assets.verification.proof import Source

Step = Literal["fetch", "check", "stop", "exchange", "start", "load", "compare"]


@dataclass(frozen=True)
class Wish:
    """What the operator asked for.

    Attributes:
        source: The repository to restore from.
        snapshot: A snapshot's id, or the start of it; None for the newest.
        as_of: Only data that is not newer than this, aware; None for any.
        to: A directory to restore into instead of the live volume.
        into: A database to restore into instead of the dump's own.
        force: Stop a service that runs, load into a server that runs, replace ``to``.
    """

    source: Source = "local"
    snapshot: str | None = None
    as_of: datetime | None = None
    to: Path | None = None
    into: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Plan:
    """How one volume is brought back.

    Attributes:
        volume: The registry's entry.
        target: Its snapshot, and where that is.
        place: The directory that is replaced or made; None where a server takes the data.
        laid_out: The directory gets the volume's tree; otherwise the files of the dump.
        live: What is replaced is the volume itself.
        into: A database other than the dump's own.
        stops: The service is stopped before and started again afterwards.
        forced: The data is put under another image than that it was taken from, if need be.
        starts: The service is started, before it loads the data or, where a restore that was
            killed had stopped it, behind the exchange; and left running.
    """

    volume: Volume
    target: Target
    place: Path | None = None
    laid_out: bool = False
    live: bool = True
    into: str | None = None
    stops: bool = False
    starts: bool = False
    forced: bool = False

    @property
    def target_name(self) -> str:
        """Where the data goes, in a few words."""
        if self.place:
            return str(self.place)
        database = f"database {self.into} of " if self.into else ""
        return f"{database}service {self.volume.service}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """What will be done, in order."""
        if self.place:
            first: tuple[Step, ...] = ("stop",) if self.stops else ()
            last: tuple[Step, ...] = ("start",) if self.stops or self.starts else ()
            return ("fetch", "check", *first, "exchange", *last)
        begin: tuple[Step, ...] = ("start",) if self.starts else ()
        return ("fetch", "check", *begin, "load", "compare")

    @property
    def sentences(self) -> tuple[str, ...]:
        """What will be done, in words."""
        return tuple(self.sentence(step) for step in self.steps)

    def sentence(self, step: Step) -> str:
        """Say what one step does."""
        snapshot, service = self.target.snapshot, self.volume.service
        put = f"put the restored tree in the place of {self.place}, in one step"
        if not self.live:
            what = "the volume's tree" if self.laid_out else "the files of the dump"
            put = f"put {what} at {self.place}, in one step"
        left = ", and leave it running" if self.starts else " again"
        return {
            "fetch": f"fetch snapshot {snapshot.short} (data of {snapshot.time:%Y-%m-%d %H:%M:%SZ})"
            f" from the {self.target.source} repository",
            "check": "check it against the hashes of its record",
            "stop": f"stop service {service}",
            "exchange": put,
            "start": f"start service {service}{left}",
            "load": f"load it into {self.target_name}, all of it or nothing",
            "compare": "compare what was loaded with what was recorded at the source",
        }[step]


def find_target(listing: Listing, volume: str, wish: Wish) -> Target:
    """Find the snapshot a wish means.

    Raises:
        NoSnapshot: There is none.
        RepositoryError: The repository does not open.
    """
    if wish.snapshot:
        return listing.by_id(volume, wish.snapshot)
    if wish.as_of:
        return listing.as_of(volume, wish.as_of)
    return listing.newest(volume)
