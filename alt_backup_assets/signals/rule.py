"""One alert rule as a value, what the rules are derived from, and expressions they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from alt_backup_assets.config.configuration import Schedules
from alt_backup_assets.site import Site

SLACK = timedelta(hours=2)
"""What a run may be late or take longer; a threshold nobody can keep is soon ignored."""

SLACK_OF_WEEKLY = timedelta(days=1)
"""The same for what runs over days."""

QUICK, PATIENT = timedelta(minutes=10), timedelta(hours=1)
"""How long something must last: what is wrong, and what a run under way may put right."""

GENERATED = "backup_metrics_generated_timestamp"
"""What every exporter has."""

OPEN = "on (job, instance) (backup_repository_initialized == 1)"
"""Behind ``and``: only where the repository opens; otherwise one rule says that, once."""

_SAID_IN_HOURS = 2


@dataclass(frozen=True)
class Rule:
    """One alert.

    Attributes:
        uid: Its name for ever.
        severity: ``critical`` where data is at risk now.
        expression: PromQL that has a sample where it is to fire.
        hold: How long that must last.
        summary: What is wrong, in one line.
        description: What to do.
    """

    uid: str
    severity: Literal["warning", "critical"]
    expression: str
    hold: timedelta
    summary: str
    description: str


@dataclass(frozen=True)
class Expected:
    """What the rules are derived from.

    Attributes:
        schedules: When things run.
        read_data_parts: Days in which all of the repository is read through.
        offsite: Whether there is an offsite repository.
        databases: Whether there are PostgreSQL databases.
        platforms: Names of the platforms that report to one Prometheus, each with the label
            ``platform``; none where there is only one, and no label is needed.
    """

    schedules: Schedules = field(default_factory=Schedules)
    read_data_parts: int = 7
    offsite: bool = True
    databases: bool = True
    platforms: tuple[str, ...] = ()

    @classmethod
    def of(cls, site: Site, platforms: Sequence[str] = ()) -> Expected:
        """Return what is expected of a site, and of others beside it."""
        return cls(
            schedules=site.config.schedules,
            read_data_parts=site.config.read_data_parts,
            offsite=site.offsite is not None,
            databases=any(volume.engine == "postgresql" for volume in site.registry.planned),
            platforms=tuple(platforms),
        )


def missing(series: str, limit: timedelta) -> str:
    """Return an expression that fires where a time is longer ago than a limit, or not there.

    Each exporter is asked for by itself. Where there is none, ``backup-signal-missing`` says it.
    """
    absent = f"{GENERATED} unless on (job, instance) {series}"
    return f"({absent} or time() - {series} > {seconds(limit)})"


def not_since(series: str, limit: timedelta) -> str:
    """Return the same for what a new installation cannot have yet.

    Absence fires only where the oldest snapshot is older than the limit too.
    """
    begun = f"time() - backup_restic_oldest_snapshot_timestamp > {seconds(limit)}"
    return f"time() - {series} > {seconds(limit)} or ({begun} unless on (job, instance) {series})"


def seconds(limit: timedelta) -> int:
    """Return a limit as PromQL has it."""
    return int(limit.total_seconds())


def said(limit: timedelta) -> str:
    """Return a limit as people say it."""
    days = limit / timedelta(days=1)
    return f"{days:g} days" if days > _SAID_IN_HOURS else f"{days * 24:g} hours"
