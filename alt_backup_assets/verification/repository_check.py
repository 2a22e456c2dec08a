"""Checks a repository's structure, and every day another part of its data.

The part follows from the day alone, so after ``read_data_parts`` days all of it was read,
whatever runs were missed or repeated in between is seen in the record.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen


class CheckResult(Frozen):
    """How the newest check of the local repository ended.

    Attributes:
        checked_at: When.
        subset: The part of the data that was read, as n/t.
        error: What is wrong; None where nothing is.
    """

    checked_at: AwareDatetime
    subset: str
    error: str | None


def subset_of(day: date, parts: int) -> str:
    """Return the part of the data to read on a day, as restic's ``n/t``."""
    return f"{day.toordinal() % parts + 1}/{parts}"


def check(site: Site, *, subset: str | None = None) -> CheckResult:
    """Check the local repository and record how it went.

    Args:
        site: The machine.
        subset: The part of the data to read, as n/t; None for the day's own.

    Raises:
        RepositoryError: It is damaged or could not be checked; that is recorded first.
    """
    part = subset or subset_of(site.today, site.config.read_data_parts)
    site.local.require_version()
    try:
        site.local.check(read_data_subset=part)
    except AltBackupError as error:
        _record(site, CheckResult(checked_at=site.now(), subset=part, error=str(error)))
        raise
    result = CheckResult(checked_at=site.now(), subset=part, error=None)
    _record(site, result)
    return result


def newest_result(site: Site) -> CheckResult | None:
    """Return how the newest check ended; None where none was made, or its record is lost."""
    try:
        return CheckResult.model_validate_json(_path(site).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _record(site: Site, result: CheckResult) -> None:
    aside = _path(site).with_suffix(".new")
    with aside.open("w") as stream:
        stream.write(result.model_dump_json())
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(_path(site))


def _path(site: Site) -> Path:
    return site.state / "repository-check.json"
