"""How proofs are made and heeded, as the configuration names it.

Holds what the retention guard and the offsite drills go by. Keep out: when they run, which is the
schedules'.
"""

from __future__ import annotations

from pydantic import Field

from alt_backup_assets.values import Frozen


class RetentionGuard(Frozen):
    """When retention is refused.

    Attributes:
        max_shrink: The share by which a volume's newest snapshot may be smaller than the one
            before; 0.5 refuses when more than half is gone, 1 never does.
    """

    max_shrink: float = Field(default=0.5, gt=0, le=1)


class OffsiteProof(Frozen):
    """How much is restored from the offsite repository.

    Attributes:
        budget_mib: What the drills of one day may bring over, in MiB; at least one volume is
            drilled even so.
        within_weeks: Every volume is to be proved from offsite within so many weeks.
    """

    budget_mib: int = Field(default=20480, ge=1)
    within_weeks: int = Field(default=4, ge=1)
