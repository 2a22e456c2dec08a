"""Checks a repository's structure, and each time the next part of its data.

The part follows from the last check that found nothing wrong, not from the calendar: a day that
was missed leaves no part out, and the end of a whole cycle is a fact that is kept. The offsite
repository is checked too where the configuration says so; by its structure alone, since its data
is read by the offsite drills.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from alt_backup_assets.errors import AltBackupError, RepositoryError
from alt_backup_assets.site import Site
from alt_backup_assets.tools.record_file import keep
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.drill import repository
from alt_backup_assets.verification.proof import Source

_F = TypeVar("_F", bound=Frozen)


class CheckResult(Frozen):
    """How the newest check of a repository ended.

    Attributes:
        checked_at: When.
        subset: The part of the data that was read, as n/t; None for the structure alone.
        error: What is wrong; None where nothing is.
        suggest_prune: There is data that no snapshot needs, as an interrupted run leaves it.
    """

    checked_at: AwareDatetime
    subset: str | None
    error: str | None
    suggest_prune: bool = False


class ReadDataCycle(Frozen):
    """How far the reading of all data has got.

    Attributes:
        part: The part that was read last; 0 where none was yet.
        of: How many there are.
        cycle_completed_at: When the last part of a whole cycle had been read; None for never.
    """

    part: int = Field(ge=0)
    of: int = Field(ge=1)
    cycle_completed_at: AwareDatetime | None = None

    @property
    def subset(self) -> str:
        """The part to read next, as restic's ``n/t``."""
        return f"{self.part % self.of + 1}/{self.of}"


def check(site: Site, *, source: Source = "local", subset: str | None = None) -> CheckResult:
    """Check a repository and record how it went.

    Args:
        site: The machine.
        source: Which repository.
        subset: The part of the data to read, as n/t; None for the next one of the cycle, which
            only that advances.

    Raises:
        RepositoryError: It is damaged or could not be checked; that is recorded first.
        NoSnapshot: There is no offsite repository.
    """
    restic = repository(site, source)
    restic.require_version()
    cycle = read_data_cycle(site)
    part = subset or (cycle.subset if source == "local" else None)
    try:
        report = restic.check(read_data_subset=part)
    except AltBackupError as error:
        result = CheckResult(checked_at=site.now(), subset=part, error=str(error))
        keep(_path(site, source), result)
        raise
    result = CheckResult(
        checked_at=site.now(), subset=part, error=None, suggest_prune=report.suggest_prune
    )
    keep(_path(site, source), result)
    if source == "local" and subset is None:
        keep(_cycle_path(site), _advanced(cycle, result))
    return result


def check_all(site: Site) -> tuple[CheckResult, ...]:
    """Check the local repository, and the offsite one where that is configured.

    Raises:
        RepositoryError: One of them is damaged or could not be checked; the other was, too.
    """
    offsite = site.config.repositories.offsite
    if offsite is None or not offsite.check:
        return (check(site),)
    try:
        local = check(site)
    finally:
        other = check(site, source="offsite")
    return local, other


def newest_result(site: Site, source: Source = "local") -> CheckResult | None:
    """Return how the newest check ended; None where none was made.

    Raises:
        RepositoryError: Its record cannot be read, so that nobody knows.
    """
    return _read(_path(site, source), CheckResult)


def prune_is_due(site: Site, source: Source = "local") -> bool:
    """Tell whether the newest check found data that no snapshot needs, or nobody knows."""
    try:
        newest = newest_result(site, source)
    except RepositoryError:
        return True
    return newest is not None and newest.suggest_prune


def read_data_cycle(site: Site) -> ReadDataCycle:
    """Return how far the reading of the local repository's data has got.

    A record that cannot be read, and another number of parts, begin a new cycle: rather is a part
    read twice.
    """
    of = site.config.read_data_parts
    try:
        found = _read(_cycle_path(site), ReadDataCycle)
    except RepositoryError:
        found = None
    if found is None:
        return ReadDataCycle(part=0, of=of)
    return found if found.of == of else found.model_copy(update={"part": 0, "of": of})


def _advanced(cycle: ReadDataCycle, result: CheckResult) -> ReadDataCycle:
    part = cycle.part % cycle.of + 1
    completed = result.checked_at if part == cycle.of else cycle.cycle_completed_at
    return ReadDataCycle(part=part, of=cycle.of, cycle_completed_at=completed)


def _read(path: Path, kind: type[_F]) -> _F | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise RepositoryError(
            f"{path} cannot be read, so nobody knows how it ended: run `alt-backup check`"
        ) from None


def _path(site: Site, source: Source) -> Path:
    name = "repository-check" if source == "local" else f"repository-check-{source}"
    return site.state / f"{name}.json"


def _cycle_path(site: Site) -> Path:
    return site.state / "read-data-cycle.json"
