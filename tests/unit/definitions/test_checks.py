"""Every check, green once and red once, in runs of the assets it belongs to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from tests.unit.definitions.bench import Machine, evaluations

ALL_OF_ONE = {
    "dump/one:size_is_plausible",
    "dump/one:source_is_healthy",
    "snapshot/one:data_is_fresh",
    "offsite/one:copy_is_fresh",
    "restore_drill/one:restored_content_matches",
    "restore_drill/one:status_is_good",
    "offsite_drill/one:offsite_content_matches",
}
OF_ALL = "maintenance/retention:no_drift"
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def test_a_sound_run_turns_every_check_green(two: Machine) -> None:
    """After a run over everything each check of each volume is evaluated, and passed."""
    result = two.run()
    assert result.success
    checked = evaluations(result)
    of_two = {key.replace("/one", "/two") for key in ALL_OF_ONE}
    assert set(checked) == ALL_OF_ONE | of_two | {OF_ALL}
    assert all(evaluation.passed for evaluation in checked.values())
    assert {evaluation.partition for evaluation in checked.values()} == {two.today}


def test_a_dump_that_lost_most_of_its_size_is_not_plausible(two: Machine) -> None:
    """A dump of less than half the size of the one before turns its check red."""
    two.run(keys=["dump/one"])
    two.write("one", "little")
    result = two.run(keys=["dump/one"])
    red = evaluations(result)["dump/one:size_is_plausible"]
    assert not red.passed
    assert red.severity == WARN
    assert red.metadata["dump/size_bytes"].value == 6


def test_a_source_that_is_not_healthy_shows(two: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a driver warned of is a warning in the UI, and the dump itself is there."""
    dump, warned = files.dump, ("its task queue is nearly full: delete old tasks",)

    def warning(volume: Volume, platform: Platform, directory: Path) -> Dumped:
        return replace(dump(volume, platform, directory), warnings=warned)

    monkeypatch.setattr(files, "dump", warning)
    result = two.run(keys=["dump/one"])
    red = evaluations(result)["dump/one:source_is_healthy"]
    assert result.success
    assert (red.passed, red.severity) == (False, WARN)
    assert red.description == "its task queue is nearly full: delete old tasks"


def test_a_snapshot_of_old_data_is_not_fresh(two: Machine) -> None:
    """Data over the RPO's warning is a warning, and over its failure an error."""
    for hours, severity in ((26, WARN), (51, ERROR)):
        two.clock.ahead = timedelta(hours=hours)
        result = two.run(keys=["dump/one", "snapshot/one"])
        red = evaluations(result)["snapshot/one:data_is_fresh"]
        assert (red.passed, red.severity) == (False, severity)


def test_a_copy_of_old_data_is_not_fresh(two: Machine) -> None:
    """Copying old data again does not make it fresh; the day's own copy is, until the next."""
    copies = ["offsite/one", "offsite/two"]
    two.run(keys=["dump/one", "dump/two", "snapshot/one", "snapshot/two", *copies])
    day = two.today
    severities = []
    for hours in (27, 29):
        two.clock.ahead = timedelta(hours=hours)
        copied = evaluations(two.run(keys=copies, day=day))["offsite/one:copy_is_fresh"]
        severities.append((copied.passed, copied.severity))
    assert severities == [(True, WARN), (False, WARN)]


def test_a_copy_turns_stale_although_nothing_ran(two: Machine) -> None:
    """Dagster's freshness counts from when it was copied; this counts from the data."""
    two.run(keys=["dump/one", "snapshot/one", "offsite/one"])
    for hours, passed, severity in ((27, True, WARN), (29, False, WARN), (51, False, ERROR)):
        two.clock.ahead = timedelta(hours=hours)
        checked = evaluations(two.run("status_checks"))
        found = checked["offsite/one:copy_is_fresh"]
        assert (found.passed, found.severity) == (passed, severity)
        never = checked["offsite/two:copy_is_fresh"]
        assert (never.passed, never.severity) == (False, WARN)
        assert "no copy is known" in (never.description or "")


def test_a_copy_that_differs_does_not_match(two: Machine) -> None:
    """A byte changed in the repository turns the drill's check red, and says which file."""
    two.run(keys=["dump/one", "snapshot/one"])
    (snapshot,) = two.restic.snapshots(tag="one")
    two.restic.damage_file(snapshot.id, "files/file", b"something else")
    result = two.run(keys=["restore_drill/one"])
    red = evaluations(result)["restore_drill/one:restored_content_matches"]
    assert not red.passed
    assert "file" in (red.description or "")
    assert not result.success


def test_the_status_of_a_volume_turns_red_although_nothing_ran(two: Machine) -> None:
    """The status check is good after a proof, a warning a day later, an error after two."""
    two.run()
    severities = []
    for hours in (0, 26, 51):
        two.clock.ahead = timedelta(hours=hours)
        status = evaluations(two.run("status_checks"))["restore_drill/one:status_is_good"]
        severities.append((status.passed, status.metadata["status/verdict"].value, status.severity))
    assert severities == [
        (True, "GOOD", WARN),
        (False, "WARNING", WARN),
        (False, "CRITICAL", ERROR),
    ]


def test_the_status_of_a_volume_without_any_snapshot_is_red(two: Machine) -> None:
    """Where nothing was ever done the status is CRITICAL: unknown is not success."""
    checked = evaluations(two.run("status_checks"))
    assert {key: evaluation.passed for key, evaluation in checked.items()} == {
        "restore_drill/one:status_is_good": False,
        "restore_drill/two:status_is_good": False,
        "offsite/one:copy_is_fresh": False,
        "offsite/two:copy_is_fresh": False,
        OF_ALL: False,
    }


def test_the_status_of_one_volume_can_be_asked_for(two: Machine) -> None:
    """A drill of one volume judges that one and no other."""
    two.run(keys=["dump/one", "snapshot/one", "dump/two", "snapshot/two"])
    checked = evaluations(two.run(keys=["restore_drill/one"]))
    assert set(checked) == {
        "restore_drill/one:restored_content_matches",
        "restore_drill/one:status_is_good",
    }
