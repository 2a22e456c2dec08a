"""Puts the page in place: the whole page or the one before, never a part of one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.report.facts import MorningReport
from alt_backup_assets.report.page import render
from alt_backup_assets.report.read import DAYS, read_report
from alt_backup_assets.site import Site

_LOCK_SECONDS = 600


@dataclass(frozen=True)
class Written:
    """A page that is on the disk."""

    path: Path
    report: MorningReport


def default_path(site: Site) -> Path:
    """Return where the page is unless somebody names another place."""
    return site.state / "report" / "index.html"


def write_report(site: Site, *, output: Path | None = None, days: int = DAYS) -> Written:
    """Gather, render and write the page.

    Args:
        site: The machine.
        output: Where to; None for ``default_path``. Its directory must be there.
        days: Backup days the grid shows.

    Raises:
        OSError: It cannot be written there; what was there before stays.
        VolumeBusy: Another run writes a page and does not end.
    """
    path = (output or default_path(site)).absolute()
    if output is None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    report = read_report(site, days=days)
    page = render(report)
    with site.lock("report", wait_seconds=_LOCK_SECONDS):
        _replace(path, page)
    return Written(path, report)


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
