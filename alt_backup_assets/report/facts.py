"""What the page shows, as frozen values.

Holds the shape only; ``read`` fills it. Times are aware UTC; the zone says how they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from alt_backup_assets.registry.volume import Exclusion, RecoveryPointObjective
from alt_backup_assets.status.report import Status, VolumeStatus
from alt_backup_assets.verification.proof import Proof

Stage = Literal["dump", "snapshot", "offsite", "drill"]
State = Literal["done", "expired", "failed", "missing", "unknown", "pending", "none"]

STAGES: tuple[Stage, ...] = ("dump", "snapshot", "offsite", "drill")

MARKS: dict[State, str] = {
    "done": "✓",
    "expired": "✓",
    "failed": "✗",
    "missing": "!",
    "unknown": "?",
    "pending": "…",
    "none": "·",
}
"""A state without its colour."""


@dataclass(frozen=True)
class Cell:
    """One stage of one volume on one backup day.

    Attributes:
        stage: Of the chain.
        state: done; expired (done, and removed since as the policy says); failed; missing;
            unknown (no trace is left that could tell, or it cannot be read or believed);
            pending (today's time has not come); none (not asked for on that day).
        said: The state in words, with what is known of it.
    """

    stage: Stage
    state: State
    said: str


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        at: Data time of a size, end of a drill.
        value: Bytes, or seconds.
        good: False for the duration of a drill that failed.
    """

    at: datetime
    value: float
    good: bool = True


@dataclass(frozen=True)
class VolumeFacts:
    """What the page shows of one volume.

    Attributes:
        status: Its verdict and recovery points.
        rpo: What the ages are held against.
        days: The cells of each backup day, in the order of ``MorningReport.days``.
        proven_data_at: Data time of the newest proven snapshot; None where there is none.
        sizes: Of its snapshots, oldest first.
        durations: Of its restore drills, oldest first.
        last_drill: The newest drill; None where there never was one, or that is not known.
        drills_known: Whether its proofs can be believed.
    """

    status: VolumeStatus
    rpo: RecoveryPointObjective
    days: tuple[tuple[Cell, ...], ...]
    proven_data_at: datetime | None
    sizes: tuple[Point, ...]
    durations: tuple[Point, ...]
    last_drill: Proof | None
    drills_known: bool


@dataclass(frozen=True)
class Excluded:
    """A volume that is deliberately not backed up."""

    name: str
    exclusion: Exclusion
    is_overdue: bool


@dataclass(frozen=True)
class MorningReport:
    """The whole page.

    Attributes:
        platform: Its name.
        zone: The configured time zone.
        status: The verdict, with its sentences.
        has_offsite: Whether there is an offsite repository at all.
        days: Backup days of the grid, oldest first; the last is today.
        volumes: Worst verdict first, then in the order of the registry.
        excluded: What is not backed up.
    """

    platform: str
    zone: ZoneInfo
    status: Status
    has_offsite: bool
    days: tuple[date, ...]
    volumes: tuple[VolumeFacts, ...]
    excluded: tuple[Excluded, ...]

    @property
    def drilled(self) -> tuple[Proof, ...]:
        """Every volume's newest drill: failed ones first, then the newest."""
        newest = (volume.last_drill for volume in self.volumes)
        proofs = [proof for proof in newest if proof]
        return tuple(
            sorted(proofs, key=lambda p: (p.verdict != "FAILED", -p.drilled_at.timestamp()))
        )

    @property
    def never_drilled(self) -> tuple[str, ...]:
        """The volumes of which nothing was ever restored."""
        return tuple(v.status.name for v in self.volumes if v.drills_known and v.last_drill is None)

    @property
    def not_believed(self) -> tuple[str, ...]:
        """The volumes whose proofs cannot be believed."""
        return tuple(v.status.name for v in self.volumes if not v.drills_known)
