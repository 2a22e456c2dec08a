"""When the jobs run, and for which day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from alt_backup_assets.definitions.schedules import newest_tick
from tests.unit.definitions.bench import Clock, make_site, repository

TOKYO = ZoneInfo("Asia/Tokyo")


def _evaluate(
    tmp_path: Path, schedule: str, tick: datetime, *, now: datetime | None = None, zone: str = "UTC"
) -> dg.RunRequest | str:
    """Evaluate one tick; return the run it asks for, or why it asks for none."""
    clock = Clock(now or tick + timedelta(seconds=5))
    drawn = repository(make_site(tmp_path, clock=clock, timezone=zone))
    data = drawn.get_schedule_def(schedule).evaluate_tick(
        dg.build_schedule_context(scheduled_execution_time=tick, repository_def=drawn)
    )
    if data.skip_message:
        assert not data.run_requests
        return data.skip_message
    (request,) = data.run_requests or ()
    return request


def test_cron_lines_are_those_of_the_contract(tmp_path: Path) -> None:
    """Each job has its cron line, in the configured time zone, and is on from the start."""
    drawn = repository(make_site(tmp_path, timezone="Asia/Tokyo"))
    assert {s.name: s.cron_schedule for s in drawn.schedule_defs} == {
        "hourly_dumps": "0 * * * *",
        "daily_backup": "0 3 * * *",
        "log_rotation": "0 4 * * *",
        "offsite_copy": "0 5 * * *",
        "status_checks": "30 * * * *",
        "restore_drill": "0 6 * * 0",
        "self_test": "0 8 * * 0",
        "offsite_drill": "0 7 * * *",
    }
    assert {s.execution_timezone for s in drawn.schedule_defs} == {"Asia/Tokyo"}
    assert {s.default_status for s in drawn.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}
    assert {s.name: s.job.name for s in drawn.schedule_defs} == {
        s.name: s.name for s in drawn.schedule_defs
    }


def test_cron_lines_can_be_configured(tmp_path: Path) -> None:
    """What the operator writes under `schedules` is when it runs."""
    drawn = repository(make_site(tmp_path, schedules={"daily": "15 1 * * *"}))
    assert drawn.get_schedule_def("daily_backup").cron_schedule == "15 1 * * *"


@pytest.mark.parametrize(
    ("schedule", "tick"),
    [
        ("hourly_dumps", datetime(2026, 11, 22, 4, 0, tzinfo=UTC)),
        ("daily_backup", datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
        ("log_rotation", datetime(2026, 11, 22, 4, 0, tzinfo=UTC)),
        ("offsite_copy", datetime(2026, 11, 22, 5, 0, tzinfo=UTC)),
        ("status_checks", datetime(2026, 11, 22, 5, 30, tzinfo=UTC)),
        ("restore_drill", datetime(2026, 11, 22, 6, 0, tzinfo=UTC)),
        ("self_test", datetime(2026, 11, 22, 8, 0, tzinfo=UTC)),
    ],
)
def test_every_schedule_ticks(tmp_path: Path, schedule: str, tick: datetime) -> None:
    """A tick of each schedule asks for one run of its day, as Dagster resolves it."""
    request = _evaluate(tmp_path, schedule, tick)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/partition"] == request.partition_key == "2026-11-22"


def test_a_tick_runs_for_today(tmp_path: Path) -> None:
    """A tick asks for one run, of the current backup day in the configured time zone."""
    tick = datetime(2026, 11, 24, 3, 0, tzinfo=TOKYO)
    request = _evaluate(tmp_path, "daily_backup", tick, zone="Asia/Tokyo")
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-24"
    assert request.run_key == "daily_backup 2026-11-24T03:00:00+09:00"


def test_the_hourly_job_yields_to_the_daily_one(tmp_path: Path) -> None:
    """At 03:00 the hourly job does not run, and says why; at 04:00 it does."""
    three = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert _evaluate(tmp_path, "hourly_dumps", three) == (
        "the daily backup at 03:00 takes these dumps too"
    )
    four = _evaluate(tmp_path, "hourly_dumps", three + timedelta(hours=1))
    assert isinstance(four, dg.RunRequest)


@pytest.mark.parametrize("missed", range(1, 5))
def test_of_missed_ticks_only_the_newest_runs(tmp_path: Path, missed: int) -> None:
    """After a downtime the older ticks do nothing, and say what makes up for them."""
    now = datetime(2026, 11, 23, 12, 7, tzinfo=UTC)
    newest = now.replace(minute=0)
    older = _evaluate(tmp_path, "hourly_dumps", newest - timedelta(hours=missed), now=now)
    assert isinstance(older, str)
    assert "was missed; the newest tick makes up for it" in older
    assert isinstance(_evaluate(tmp_path, "hourly_dumps", newest, now=now), dg.RunRequest)


def test_a_missed_tick_is_made_up_for_with_todays_data(tmp_path: Path) -> None:
    """The tick of a day that is over, made up for the next day, runs for the next day."""
    tick = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    late = datetime(2026, 11, 23, 2, 50, tzinfo=UTC)
    request = _evaluate(tmp_path, "daily_backup", tick, now=late)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-23"


@pytest.mark.parametrize(
    ("moment", "tick"),
    [
        (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
        (datetime(2026, 11, 23, 2, 59, tzinfo=UTC), datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
        (
            datetime(2026, 11, 23, 3, 0, 0, 400, tzinfo=UTC),
            datetime(2026, 11, 23, 3, 0, tzinfo=UTC),
        ),
    ],
    ids=["at it", "before it", "just after it"],
)
def test_the_newest_tick_is_not_after_the_moment(moment: datetime, tick: datetime) -> None:
    """The newest tick of a cron line is the last one that is not in the future."""
    assert newest_tick("0 3 * * *", moment) == tick


def test_two_runs_that_dump_are_queued_one_behind_the_other(tmp_path: Path) -> None:
    """The jobs that dump have the tag the run queue limits; the others are free."""
    drawn = repository(make_site(tmp_path))
    tagged = {
        name
        for name in drawn.job_names
        if drawn.get_job(name).tags.get("alt_backup/writes") == "dumps"
    }
    assert tagged == {"daily_backup", "hourly_dumps"}
