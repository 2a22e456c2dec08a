"""The page in a few lines of Markdown, for the place where Dagster shows an asset."""

from __future__ import annotations

from alt_backup_assets.report.facts import MARKS, MorningReport, VolumeFacts
from alt_backup_assets.status.verdict import hours


def summary(report: MorningReport) -> str:
    """Return the verdict, its sentences and a line per volume with today's stages."""
    lines = [f"**{report.status.verdict}**", ""]
    lines += [f"- {_plain(reason)}" for reason in report.status.reasons]
    lines += [
        "",
        "| volume | verdict | data age | dump | snapshot | offsite | drill |",
        "|---|---|---|---|---|---|---|",
        *(_row(volume, report) for volume in report.volumes),
    ]
    return "\n".join(lines)


def _row(volume: VolumeFacts, report: MorningReport) -> str:
    newest = volume.status.latest_snapshot_at
    age = hours(report.status.checked_at - newest) if newest else "none"
    today = (MARKS[cell.state] for cell in volume.days[-1])
    cells = (volume.status.name, volume.status.verdict, age, *today)
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: it may hold whatever a program printed."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
