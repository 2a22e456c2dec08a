"""The status of everything, as the values ``alt-backup status --json`` prints.

Holds the shape only; ``verdict`` has the rules and ``read`` the reading.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from alt_backup_assets.values import Frozen

Verdict = Literal["GOOD", "WARNING", "CRITICAL"]

EXIT_CODES: dict[Verdict, int] = {"GOOD": 0, "WARNING": 1, "CRITICAL": 2}


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the worst of some verdicts; with none at all nothing is known, so CRITICAL."""
    return max(verdicts, key=lambda verdict: EXIT_CODES[verdict], default="CRITICAL")


class VolumeStatus(Frozen):
    """What can be relied on for one volume.

    Attributes:
        age_seconds: Age of the newest snapshot's data; None where there is no snapshot.
        latest_snapshot: Newest snapshot in the local repository.
        latest_snapshot_at: Its data time.
        offsite_snapshot: Newest copy in the offsite repository.
        offsite_snapshot_at: Its data time.
        proven_snapshot: Newest snapshot a drill has proven; its id in the local repository.
        proven_at: When that drill ended.
        offsite_proven_at: When a drill last proved a copy from the offsite repository.
        reasons: Why the verdict is not GOOD.
    """

    name: str
    service: str
    engine: str
    verdict: Verdict
    reasons: tuple[str, ...]
    age_seconds: int | None
    latest_snapshot: str | None
    latest_snapshot_at: AwareDatetime | None
    offsite_snapshot: str | None
    offsite_snapshot_at: AwareDatetime | None
    proven_snapshot: str | None
    proven_at: AwareDatetime | None
    offsite_proven_at: AwareDatetime | None = None


class Posture(Frozen):
    """3-2-1-1-0, counted from facts.

    Attributes:
        copies: Copies every volume has: the live data, the local and the offsite repository.
        media: Distinct media of the repositories that hold every volume.
        offsite: Whether every volume has a copy elsewhere.
        undeletable: Whether a copy is known, by trying, to resist deletion from here.
        unproven: Volumes whose newest snapshot has no proof.
    """

    copies: int
    media: int
    offsite: bool
    undeletable: bool
    unproven: int


class Status(Frozen):
    """The status of the whole; its verdict is that of the worst volume."""

    verdict: Verdict
    reasons: tuple[str, ...]
    checked_at: AwareDatetime
    latest_backup_at: AwareDatetime | None
    age_seconds: int | None
    expected_volumes: int
    actual_volumes: int
    missing_volumes: tuple[str, ...]
    total_size_bytes: int | None
    checksums_ok: bool
    posture: Posture
    volumes: tuple[VolumeStatus, ...]
