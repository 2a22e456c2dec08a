"""What was last found out about the repositories, from the records of checks and of tries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alt_backup_assets.errors import RepositoryError
from alt_backup_assets.site import Site
from alt_backup_assets.verification.canary import newest_test
from alt_backup_assets.verification.proof import Source
from alt_backup_assets.verification.repository_check import newest_result


def check_findings(site: Site) -> tuple[str, ...]:
    """Return a sentence for every repository whose newest check failed, or is not known."""
    return tuple(_check_findings(site))


def _check_findings(site: Site) -> Iterator[str]:
    offsite = site.config.repositories.offsite
    checked: list[tuple[Source, str]] = [("local", "the newest repository check")]
    if offsite and offsite.check:
        checked.append(("offsite", "the newest check of the offsite repository"))
    for source, called in checked:
        try:
            result = newest_result(site, source)
        except RepositoryError as error:
            yield str(error)
            continue
        if result and result.error:
            yield f"{called} failed: {result.error}"


def undeletability(site: Site, now: datetime) -> tuple[bool, tuple[str, ...]]:
    """Tell whether the copies are known, by trying, to resist deletion from here.

    Returns:
        That, and a sentence where the configuration says they do and the try says otherwise.
    """
    try:
        tested = newest_test(site)
    except RepositoryError as error:
        return False, (str(error),)
    if tested is None:
        return False, ()
    offsite = site.config.repositories.offsite
    if offsite and offsite.append_only and not tested.survived:
        said = f"a canary was deleted there on {tested.tested_at:%Y-%m-%d}"
        return False, (
            f"{tested.url} is configured `append_only`, and {said}: every copy can be deleted too",
        )
    return tested.is_believed(now), ()
