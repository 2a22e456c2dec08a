"""The drift check: green where every volume is planned, red for one that nobody planned."""

from __future__ import annotations

import dagster as dg
import pytest

from alt_backup_assets.errors import PlatformError, RepositoryUnreachable
from alt_backup_assets.platforms.live_volumes import PlatformVolume, PlatformVolumes
from tests.fakes.platform import FakePlatform
from tests.fakes.restic import Fault
from tests.unit.definitions.bench import Machine, evaluations

CHECK = "maintenance/retention:no_drift"


@pytest.fixture(name="platform")
def _platform(two: Machine) -> FakePlatform:
    platform = two.site.platform
    assert isinstance(platform, FakePlatform)
    return platform


def _checked(two: Machine) -> dg.AssetCheckEvaluation:
    return evaluations(two.run("status_checks"))[CHECK]


def test_the_check_is_green_without_drift(two: Machine) -> None:
    """Two planned volumes with a snapshot each are no drift, and the check says so."""
    two.run()
    green = _checked(two)
    assert (green.passed, green.description, green.partition) == (True, "no drift", two.today)


def test_a_volume_nobody_planned_turns_the_check_red_and_planning_it_green(
    two: Machine, platform: FakePlatform
) -> None:
    """A volume that appears is an error in the UI, and gone again it is none."""
    two.run()
    volumes = tuple(PlatformVolume(name=name) for name in ("one", "two", "three"))
    platform.listed = PlatformVolumes(volumes, declared=False)
    red = _checked(two)
    platform.listed = PlatformVolumes(volumes[:2], declared=False)
    assert (red.passed, red.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "three: nobody planned or excluded it" in str(red.description)
    assert _checked(two).passed


def test_a_volume_without_a_snapshot_turns_the_check_red(two: Machine) -> None:
    """A plan that was never carried out is drift."""
    two.run(keys=["dump/one", "snapshot/one"])
    red = _checked(two)
    assert not red.passed
    assert red.description == "two: no snapshot holds it: run `alt-backup backup --include two`"


def test_a_platform_that_does_not_answer_turns_the_check_red(
    two: Machine, platform: FakePlatform
) -> None:
    """What cannot be asked is no empty list: the check fails, and the status is judged still."""
    two.run()
    platform.listed = PlatformError("the Docker engine does not answer")
    checked = evaluations(two.run("status_checks"))
    assert not checked[CHECK].passed
    assert checked[CHECK].severity == dg.AssetCheckSeverity.ERROR
    assert "does not answer" in str(checked[CHECK].description)
    assert checked["restore_drill/one:status_is_good"].passed


def test_a_repository_that_does_not_open_turns_the_check_red(two: Machine) -> None:
    """Without a listing of the snapshots nobody can say what they hold."""
    two.run()
    two.restic.faults["snapshots"] = Fault(RepositoryUnreachable("the repository is away"))
    red = _checked(two)
    assert not red.passed
    assert "the repository is away" in str(red.description)
