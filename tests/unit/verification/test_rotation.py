"""The rotation of offsite drills: the longest wait first, within the budget, nobody left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import (
    LedgerError,
    NoSnapshot,
    RepositoryUnreachable,
    ToolFailed,
)
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.registry.volume import Registry, Volume
from alt_backup_assets.verification.rotation import rotation
from tests.fakes.restic import Fault
from tests.fakes.site import ENGINE, Machine

MIB = 1 << 20
NAMES = ("a", "b", "c", "d")


def _sized(machine: Machine, budget_mib: int, weeks: int = 4, **sizes_mib: int | None) -> Machine:
    """Give the machine volumes whose copies have these sizes, and a budget."""
    volumes = tuple(
        Volume(name=name, service=name, engine=ENGINE, category="data") for name in sizes_mib
    )
    settings = machine.site.config.model_dump() | {
        "offsite_proof": {"budget_mib": budget_mib, "within_weeks": weeks}
    }
    site = replace(
        machine.site,
        registry=Registry(source="volumes.yaml", volumes=volumes),
        config=Configuration.model_validate(settings),
    )
    sized = replace(machine, site=site)
    for name in sizes_mib:
        machine.engine.data[name] = {"data.bin": name.encode()}
        sized.snapshot(name)
    copy_snapshots(site, sizes_mib)
    for snapshot in machine.offsite.snapshots():
        size = sizes_mib[next(name for name in sizes_mib if name in snapshot.tags)]
        changed = {"total_bytes": None if size is None else size * MIB}
        machine.offsite._snapshots[snapshot.id] = snapshot.model_copy(update=changed)
    return sized


def _chosen(machine: Machine) -> tuple[str, ...]:
    names = [volume.name for volume in machine.site.registry.planned]
    return rotation(machine.site, names).volumes


def _drill(machine: Machine, *names: str) -> None:
    for name in names:
        machine.drill(name, source="offsite")
        machine.clock.advance(hours=1)


def test_as_many_as_fit_are_chosen(machine: Machine) -> None:
    """Those that were never drilled from offsite by name, and the rest waits."""
    sized = _sized(machine, 50, a=20, b=20, c=20, d=10)
    turn = rotation(sized.site, NAMES)
    assert (turn.volumes, turn.waiting, turn.warning) == (("a", "b", "d"), ("c",), None)


def test_every_volume_has_its_turn(machine: Machine) -> None:
    """Day after day the one that waited longest comes first, until all were there."""
    sized = _sized(machine, 20, a=20, b=20, c=20, d=20)
    seen = []
    for _ in range(5):
        (name,) = _chosen(sized)
        seen.append(name)
        _drill(sized, name)
    assert seen == ["a", "b", "c", "d", "a"]


def test_one_that_is_over_the_budget_is_drilled_even_so(machine: Machine) -> None:
    """Alone, when its turn comes; otherwise it would never be proved."""
    sized = _sized(machine, 20, a=500, b=20)
    assert _chosen(sized) == ("a",)
    _drill(sized, "a")
    assert _chosen(sized) == ("b",)


def test_a_size_nobody_knows_takes_the_whole_budget(machine: Machine) -> None:
    """An old restic recorded none."""
    assert _chosen(_sized(machine, 50, a=None, b=1)) == ("a",)


def test_a_drill_of_the_local_repository_is_no_turn(machine: Machine) -> None:
    """It proved nothing of the copy."""
    sized = _sized(machine, 20, a=20, b=20)
    sized.drill("a")
    assert _chosen(sized) == ("a",)


def test_what_failed_is_tried_again_soon_and_holds_nobody_up(machine: Machine) -> None:
    """Behind the one that waited longest, before those that were proved."""
    sized = _sized(machine, 40, a=20, b=20, c=20)
    _drill(sized, "c", "b")
    sized.engine.rehearse_errors["a"].append(ToolFailed("no", 1))
    _drill(sized, "a")
    assert _chosen(sized) == ("c", "a")


def test_a_volume_without_a_copy_is_not_passed_over(machine: Machine) -> None:
    """Its drill says that there is none."""
    sized = _sized(machine, 20, a=20)
    assert rotation(sized.site, ["a", "never-copied"]).volumes == ("a", "never-copied")


@pytest.mark.parametrize(("budget", "warns"), [(20, True), (40, False)])
def test_a_budget_too_small_for_the_weeks_is_said(
    machine: Machine, budget: int, warns: bool
) -> None:
    """With a run a week and two weeks, four volumes need two a run."""
    sized = _sized(machine, budget, 2, a=20, b=20, c=20, d=20)
    settings = sized.site.config.model_dump()
    settings["schedules"]["offsite_drill"] = "0 7 * * 0"
    site = replace(sized.site, config=Configuration.model_validate(settings))
    warning = rotation(site, NAMES).warning
    assert bool(warning) is warns
    if warning:
        assert "takes 4 runs, and 2 are scheduled within 2 weeks" in warning


def test_a_repository_that_does_not_open_is_an_error(machine: Machine) -> None:
    """Nothing to drill is something else; and so is no repository at all."""
    machine.offsite.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        rotation(machine.site, NAMES)
    with pytest.raises(NoSnapshot):
        rotation(replace(machine.site, offsite=None), NAMES)


def test_a_damaged_ledger_is_an_error(machine: Machine) -> None:
    """It is not known who waited longest."""
    sized = _sized(machine, 20, a=20)
    _drill(sized, "a")
    (sized.site.state / "ledger" / "a.jsonl").write_text("damaged\n")
    with pytest.raises(LedgerError):
        rotation(sized.site, ["a"])
