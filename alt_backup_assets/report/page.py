"""Renders the page: one HTML text with its style in it, and nothing from anywhere else.

Holds the template's words and numbers as filters; what it looks like is in ``templates``.
Everything that is not our own markup is escaped.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.filters import do_filesizeformat
from markupsafe import Markup

from alt_backup_assets.report.charts import age_bar, line_chart, phase_bar
from alt_backup_assets.report.facts import MARKS, STAGES, MorningReport, VolumeFacts
from alt_backup_assets.status.verdict import hours

STALE_HOURS = 25
"""A page that is older says so when it is opened."""

_SYMBOLS = {"GOOD": "✓", "WARNING": "!", "CRITICAL": "✗", "PROVEN": "✓", "FAILED": "✗"}
_MINUTE, _HOUR = 60, 3600


def render(report: MorningReport) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("alt_backup_assets.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": partial(_age, now=report.status.checked_at),
        "duration": hours,
        "age_bar": partial(_age_bar, now=report.status.checked_at),
        "moment": partial(_moment, report=report),
        "seconds": seconds,
        "size": size,
        "phases": _phases,
    }
    chart = partial(line_chart, zone=report.zone)
    return environment.get_template("page.html").render(
        report=report,
        status=report.status,
        marks=MARKS,
        stages=STAGES,
        symbols=_SYMBOLS,
        stale_hours=STALE_HOURS,
        size=size,
        seconds=seconds,
        sizes=partial(chart, say=size, name="size"),
        durations=partial(chart, say=seconds, name="restore duration"),
        version=version("alt_backup_assets"),
    )


def size(size_bytes: float) -> str:
    """Return a size as people read it."""
    return do_filesizeformat(size_bytes, binary=True)


def seconds(value: float) -> str:
    """Return a duration as people read it."""
    if value < _MINUTE:
        return f"{value:.1f} s"
    if value < _HOUR:
        return f"{value / _MINUTE:.1f} min"
    return f"{value / _HOUR:.1f} h"


def _age(moment: datetime | None, now: datetime) -> str:
    return "none" if moment is None else hours(now - moment)


def _age_bar(volume: VolumeFacts, now: datetime) -> Markup:
    newest, rpo = volume.status.latest_snapshot_at, volume.rpo
    limits = f"warning over {hours(rpo.warn)}, critical over {hours(rpo.fail)}"
    said = f"no data at all; {limits}" if newest is None else f"{_age(newest, now)} old; {limits}"
    return age_bar(None if newest is None else now - newest, rpo.warn, rpo.fail, said)


def _moment(moment: datetime, report: MorningReport) -> Markup:
    """Return a time as an element, in the configured zone; the machine's own value is UTC."""
    local = moment.astimezone(report.zone)
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M}", f"{local:%Y-%m-%d %H:%M}"
    )


def _phases(phases: dict[str, float]) -> Markup:
    return phase_bar(phases, ", ".join(f"{name} {seconds(took)}" for name, took in phases.items()))
