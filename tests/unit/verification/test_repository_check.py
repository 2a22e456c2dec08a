"""The repository check: every part in its turn, and each result kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alt_backup_assets.errors import RepositoryError, RepositoryUnreachable, ToolMissing
from alt_backup_assets.tools.restic import CheckReport
from alt_backup_assets.verification.repository_check import check, newest_result, subset_of
from tests.fakes.clock import NOW
from tests.fakes.restic import Fault
from tests.fakes.site import Machine
from tests.unit.conftest import MakeMachine


@pytest.fixture(name="checked")
def _checked(machine: Machine) -> Machine:
    machine.local.init()
    return machine


@pytest.mark.parametrize("parts", [1, 2, 7, 30])
def test_as_many_days_as_parts_read_all_of_it(parts: int) -> None:
    """Whatever day the rotation begins on, over months and years."""
    for first in (0, 5, 38):
        days = [(NOW + timedelta(days=first + day)).date() for day in range(parts)]
        assert {subset_of(day, parts) for day in days} == {
            f"{part}/{parts}" for part in range(1, parts + 1)
        }


def test_the_part_follows_from_the_day_alone(checked: Machine) -> None:
    """A rerun of the day reads the same part; the next day the next."""
    first, again = check(checked.site), check(checked.site)
    checked.clock.advance(days=1)
    assert first.subset == again.subset == subset_of(NOW.date(), 7)
    assert check(checked.site).subset != first.subset


def test_the_number_of_parts_is_the_operators(make_machine: MakeMachine) -> None:
    """1 reads everything every day."""
    machine = make_machine(read_data_parts=1)
    machine.local.init()
    assert check(machine.site).subset == "1/1"


def test_a_part_can_be_asked_for(checked: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is what restic gets."""
    asked: list[str | None] = []

    def read(*, read_data_subset: str | None = None) -> CheckReport:
        asked.append(read_data_subset)
        return CheckReport(read_data_subset=read_data_subset)

    monkeypatch.setattr(checked.local, "check", read)
    assert check(checked.site, subset="3/5").subset == "3/5"
    assert asked == ["3/5"]


def test_a_sound_repository_is_recorded_as_such(checked: Machine) -> None:
    """With the time and the part."""
    result = check(checked.site)
    assert (result.checked_at, result.error) == (NOW, None)
    assert newest_result(checked.site) == result


@pytest.mark.parametrize(
    "error", [RepositoryError("pack 12ab is damaged"), RepositoryUnreachable("gone")]
)
def test_a_failure_is_recorded_and_raised(checked: Machine, error: RepositoryError) -> None:
    """Damaged, or could not be looked at: the good result of yesterday counts no longer."""
    check(checked.site)
    checked.clock.advance(days=1)
    checked.local.faults = {"check": Fault(error)}
    with pytest.raises(type(error)):
        check(checked.site)
    result = newest_result(checked.site)
    assert result is not None
    assert (result.checked_at, result.error) == (checked.clock.at, str(error))


def test_a_repair_is_recorded(checked: Machine) -> None:
    """The newest result is the one that counts."""
    checked.local.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError):
        check(checked.site)
    checked.local.damage = None
    check(checked.site)
    result = newest_result(checked.site)
    assert result is not None
    assert result.error is None


def test_a_restic_that_is_too_old_checks_nothing(checked: Machine) -> None:
    """Its silence is no proof."""
    checked.local.faults = {"require_version": Fault(ToolMissing("too old"))}
    with pytest.raises(ToolMissing):
        check(checked.site)
    assert newest_result(checked.site) is None


def test_no_check_has_no_result(machine: Machine) -> None:
    """Nothing is made up."""
    assert newest_result(machine.site) is None


def test_a_record_that_is_damaged_is_no_result(checked: Machine) -> None:
    """It is replaced whole by the next check."""
    check(checked.site)
    (checked.site.state / "repository-check.json").write_text("{")
    assert newest_result(checked.site) is None
    result = check(checked.site)
    assert newest_result(checked.site) == result
