"""How old the data in an offsite copy may become, as the schedules explain it.

It is the data's age that counts: an old snapshot that was copied just now is not fresh. Source:
LESSONS, "What none of the others does", item 4; the alert rule ``backup-offsite-stale`` goes by the
same limit.
"""

from __future__ import annotations

from datetime import timedelta

from alt_backup_assets.config.configuration import Schedules
from alt_backup_assets.config.intervals import longest_age

_SLACK = timedelta(hours=2)


def oldest_copy(schedules: Schedules) -> timedelta:
    """Return the age that the data in a copy reaches just before the next one is there."""
    return longest_age(schedules.offsite, of=schedules.daily) + _SLACK
