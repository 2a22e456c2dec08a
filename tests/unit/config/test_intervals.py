"""How old data becomes between ticks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alt_backup_assets.config.intervals import longest_age, longest_interval


@pytest.mark.parametrize(
    ("cron", "hours"),
    [
        ("0 * * * *", 1),
        ("30 * * * *", 1),
        ("*/15 * * * *", 0.25),
        ("0 3 * * *", 24),
        ("0 6 * * 0", 7 * 24),
        ("0 8-18 * * *", 14),
        ("0 3 * * 1-5", 3 * 24),
        ("0 3 1 * *", 31 * 24),
        ("0 0 29 2 *", (4 * 365 + 1) * 24),
    ],
)
def test_the_longest_interval_is_that_of_the_worst_week(cron: str, hours: float) -> None:
    """Nights, week-ends and leap days are waited for."""
    assert longest_interval(cron) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("copied", "hours"),
    [
        ("0 5 * * *", 26),
        ("0 2 * * *", 24 + 23),
        ("0 3 * * *", 24),
        ("0 5,17 * * *", 14 + 12),
        ("0 5 * * 0", 7 * 24 + 2),
    ],
)
def test_a_copy_is_as_old_as_what_it_copied(copied: str, hours: float) -> None:
    """Data of 03:00, copied at 05:00, is 26 h old when the next copy comes."""
    assert longest_age(copied, of="0 3 * * *") == timedelta(hours=hours)
