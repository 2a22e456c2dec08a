"""When the jobs run: cron lines from the configuration, in the configured time zone.

A tick always runs for the current backup day, so a tick that was missed is made up for once
and never for a day that is over: ticks that are no longer the newest say so and do nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg
from cronsim import CronSim

from alt_backup_assets.definitions.jobs import AssetJob
from alt_backup_assets.site import Site

PARTITION_TAG = "dagster/partition"
"""Dagster's own. Set by us, since Dagster would look for the partition among those there were at
the tick, and a late one is of yesterday."""


def schedules(site: Site, jobs: Mapping[str, AssetJob]) -> list[dg.ScheduleDefinition]:
    """Return a schedule for every job."""
    lines = site.config.schedules
    cron = {
        "hourly_dumps": lines.hourly,
        "daily_backup": lines.daily,
        "log_rotation": lines.log_rotation,
        "offsite_copy": lines.offsite,
        "status_checks": lines.metrics,
        "restore_drill": lines.weekly_drill,
        "self_test": lines.self_test,
        "offsite_drill": lines.offsite_drill,
    }
    return [_schedule(site, job, cron[name]) for name, job in jobs.items()]


def _schedule(site: Site, job: AssetJob, cron: str) -> dg.ScheduleDefinition:
    zone = site.config.timezone
    yields = site.config.schedules.daily if job.name == "hourly_dumps" else None

    @dg.schedule(
        name=job.name,
        job=job,
        cron_schedule=cron,
        execution_timezone=zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(zone)
        now = site.now().astimezone(zone)
        if yields and newest_tick(yields, tick) == tick:
            return dg.SkipReason(f"the daily backup at {tick:%H:%M} takes these dumps too")
        if newest_tick(cron, now) != tick:
            return dg.SkipReason(
                f"{tick:%Y-%m-%d %H:%M} was missed; the newest tick makes up for it"
            )
        today = site.today.isoformat()
        return dg.RunRequest(
            run_key=f"{job.name} {tick.isoformat()}",
            partition_key=today,
            tags={PARTITION_TAG: today},
        )

    return schedule


def newest_tick(cron: str, moment: datetime) -> datetime:
    """Return the newest tick of a cron line that is not after a moment.

    Args:
        cron: Five fields.
        moment: Aware time, in the time zone the line is meant in.
    """
    after = moment.replace(microsecond=0) + timedelta(seconds=1)
    return next(CronSim(cron, after, reverse=True))
