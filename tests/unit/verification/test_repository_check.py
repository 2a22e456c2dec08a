"""The repository check: every part in its turn, and each result kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import RepositoryError, RepositoryUnreachable, ToolMissing
from alt_backup_assets.tools.restic import CheckReport
from alt_backup_assets.verification.repository_check import (
    ReadDataCycle,
    check,
    check_all,
    newest_result,
    read_data_cycle,
)
from tests.fakes.clock import NOW
from tests.fakes.restic import Fault
from tests.fakes.site import Machine
from tests.unit.conftest import MakeMachine


@pytest.fixture(name="checked")
def _checked(machine: Machine) -> Machine:
    machine.local.init()
    return machine


def _parts(machine: Machine, count: int) -> list[str | None]:
    return [check(machine.site).subset for _ in range(count)]


def test_as_many_checks_as_parts_read_all_of_it(make_machine: MakeMachine) -> None:
    """And then it begins again; a day without a check leaves no part out."""
    machine = make_machine(read_data_parts=3)
    machine.local.init()
    assert _parts(machine, 2) == ["1/3", "2/3"]
    machine.clock.advance(days=5)
    assert _parts(machine, 3) == ["3/3", "1/3", "2/3"]


def test_the_end_of_a_cycle_is_kept(make_machine: MakeMachine) -> None:
    """From its last part on, until the next cycle ends."""
    machine = make_machine(read_data_parts=2)
    machine.local.init()
    assert read_data_cycle(machine.site) == ReadDataCycle(part=0, of=2)
    check(machine.site)
    assert read_data_cycle(machine.site) == ReadDataCycle(part=1, of=2)
    machine.clock.advance(days=1)
    check(machine.site)
    completed = machine.clock.at
    machine.clock.advance(days=1)
    check(machine.site)
    assert read_data_cycle(machine.site) == ReadDataCycle(
        part=1, of=2, cycle_completed_at=completed
    )


def test_a_check_that_fails_reads_its_part_again(checked: Machine) -> None:
    """Nothing is counted as read that was not found sound."""
    check(checked.site)
    checked.local.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError):
        check(checked.site)
    checked.local.damage = None
    assert check(checked.site).subset == "2/7"


def test_a_part_that_was_asked_for_leaves_the_cycle_alone(checked: Machine) -> None:
    """Otherwise somebody's question would leave a part out."""
    check(checked.site, subset="3/5")
    assert check(checked.site).subset == "1/7"


def test_another_number_of_parts_begins_again(make_machine: MakeMachine) -> None:
    """The parts are others then; when the last cycle ended is still known."""
    machine = make_machine(read_data_parts=1)
    machine.local.init()
    check(machine.site)
    settings = machine.site.config.model_dump() | {"read_data_parts": 4}
    site = replace(machine.site, config=Configuration.model_validate(settings))
    assert read_data_cycle(site) == ReadDataCycle(part=0, of=4, cycle_completed_at=machine.clock.at)
    assert check(site).subset == "1/4"


def test_a_cycle_that_cannot_be_read_begins_again(checked: Machine) -> None:
    """Rather is a part read twice."""
    check(checked.site)
    (checked.site.state / "read-data-cycle.json").write_text("{")
    assert check(checked.site).subset == "1/7"


def _with_offsite_check(machine: Machine) -> Machine:
    settings = machine.site.config.model_dump()
    settings["repositories"]["offsite"]["check"] = True
    config = Configuration.model_validate(settings)
    return replace(machine, site=replace(machine.site, config=config))


def test_offsite_is_checked_where_the_operator_says(checked: Machine) -> None:
    """By its structure; without a word nothing is asked of it."""
    checked.offsite.init()
    checked.offsite.calls.clear()
    check_all(checked.site)
    assert checked.offsite.calls == []
    machine = _with_offsite_check(checked)
    local, offsite = check_all(machine.site)
    assert (local.subset, offsite.subset) == ("2/7", None)
    assert newest_result(machine.site, "offsite") == offsite


@pytest.mark.parametrize("broken", ["local", "offsite"])
def test_one_side_that_is_damaged_leaves_the_other_checked(checked: Machine, broken: str) -> None:
    """Both results are kept, and the run is red."""
    checked.offsite.init()
    machine = _with_offsite_check(checked)
    damaged = machine.local if broken == "local" else machine.offsite
    damaged.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError, match="12ab"):
        check_all(machine.site)
    results = {
        "local": newest_result(machine.site),
        "offsite": newest_result(machine.site, "offsite"),
    }
    errors = {name: result.error for name, result in results.items() if result}
    assert errors == {"local": None, "offsite": None} | {broken: "pack 12ab is damaged"}


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


def test_a_record_that_is_damaged_is_told(checked: Machine) -> None:
    """Nobody knows how that check ended; the next one replaces the record whole."""
    check(checked.site)
    (checked.site.state / "repository-check.json").write_text("{")
    with pytest.raises(RepositoryError, match="run `alt-backup check`"):
        newest_result(checked.site)
    result = check(checked.site)
    assert newest_result(checked.site) == result
