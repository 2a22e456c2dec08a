"""Cron lines: what runs, what does not, and that Dagster agrees."""

from __future__ import annotations

import dagster as dg
import pytest

from alt_backup_assets.config.cron import checked_cron_line

GOOD = [
    "0 * * * *",
    "0 3 * * *",
    "0 6 * * 0",
    "0 6 * * 7",
    "*/15 0-6,22 1,15 jan-mar,12 MON-FRI",
    "5 4 * * sun",
    "0-30/10 3 29 2 *",
    "0 3 30,31 1-2 *",
    "00 03 * * *",
]


@pytest.mark.parametrize("line", GOOD)
def test_a_line_that_runs_is_taken_and_dagster_takes_it_too(line: str) -> None:
    """What is accepted here never fails later, when the code location loads."""
    assert checked_cron_line(line) == line
    assert dg.ScheduleDefinition(cron_schedule=line, job_name="any").cron_schedule == line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "must have five fields"),
        ("0 3 * *", "must have five fields"),
        ("0 0 3 * * *", "must have five fields"),
        ("@daily", "must have five fields"),
        ("60 3 * * *", "has `60` as its minute; allowed are `*`, 0-59, lists, ranges and steps"),
        ("0 24 * * *", "has `24` as its hour"),
        ("0 3 0 * *", "has `0` as its day of the month"),
        ("0 3 * 13 *", "has `13` as its month; allowed are `*`, 1-12 or jan-dec"),
        ("0 3 * * 8", "has `8` as its day of the week; allowed are `*`, 0-7 or sun-sat"),
        ("0 3 * * fri-mon", "has `fri-mon` as its day of the week"),
        ("30-10 3 * * *", "has `30-10` as its minute"),
        ("*/0 3 * * *", "has `*/0` as its minute"),
        ("*/90 3 * * *", "has `*/90` as its minute"),
        ("5/10 3 * * *", "has `5/10` as its minute"),
        ("1,,2 3 * * *", "has `` as its minute"),
        ("a 3 * * *", "has `a` as its minute"),
        ("1_0 3 * * *", "has `1_0` as its minute"),
        ("-1 3 * * *", "has `-1` as its minute"),
        ("0 3 L * *", "has `l` as its day of the month"),
        ("0 3 30 2 *", "names a day that none of its months has"),
        ("0 3 31 2 1", "names a day that none of its months has"),
        ("0 3 31 4,jun *", "names a day that none of its months has"),
    ],
)
def test_a_line_that_cannot_run_is_refused_with_the_reason(line: str, said: str) -> None:
    """A schedule that would never tick is found when the file is read."""
    with pytest.raises(ValueError, match=r"^(must|has|names) ") as caught:
        checked_cron_line(line)
    assert str(caught.value).startswith(said)
