"""The metrics as an asset: written every hour, where a textfile is configured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg

from alt_backup_assets.config.signals import Metrics, Signals
from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.unit.definitions.bench import Machine, evaluations, failure, materialised


def _with_textfile(machine: Machine, path: Path) -> None:
    signals = Signals(metrics=Metrics(textfile=path))
    config = machine.site.config.model_copy(update={"signals": signals})
    machine.site = replace(machine.site, config=config)


def _metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("status__metrics")
    return {name: value.value for name, value in event.metadata.items()}


def test_the_job_of_the_checks_writes_the_textfile(two: Machine, tmp_path: Path) -> None:
    """One job, the checks and the metrics, for today's partition."""
    two.run()
    path = tmp_path / "alt-backup.prom"
    _with_textfile(two, path)
    result = two.run("status_checks")
    assert result.success
    assert materialised(result) == {"status/metrics", "status/report"}
    assert len(evaluations(result)) == 5
    assert b"\nbackup_repository_initialized 1.0\n" in path.read_bytes()
    assert _metadata(result) == {
        "status/verdict": "GOOD",
        "status/reasons": [],
        "metrics/textfile": str(path),
    }


def test_without_a_textfile_it_says_so(two: Machine) -> None:
    """The status is read all the same, and nothing is written."""
    two.run()
    shown = _metadata(two.run("status_checks"))
    assert shown["metrics/textfile"] == "none is configured"
    assert shown["status/verdict"] == "GOOD"
    assert not list(two.directory.glob("**/*.prom"))


def test_it_comes_last_when_everything_is_run(two: Machine, tmp_path: Path) -> None:
    """What the same run backed up, copied and proved is in the file."""
    path = tmp_path / "alt-backup.prom"
    _with_textfile(two, path)
    assert two.run().success
    written = path.read_text()
    assert 'backup_restore_drill_success{volume="one"} 1.0' in written
    assert "backup_offsite_snapshot_count 2.0" in written


def test_a_critical_status_is_told_and_is_no_failure_of_the_telling(
    two: Machine, tmp_path: Path
) -> None:
    """The checks are red; the metrics that say why have to get out."""
    two.run()
    path = tmp_path / "alt-backup.prom"
    _with_textfile(two, path)
    two.restic.faults = {"snapshots": Fault(RepositoryUnreachable("no route"))}
    result = two.run("status_checks")
    assert _metadata(result)["status/verdict"] == "CRITICAL"
    assert b"\nbackup_repository_initialized 0.0\n" in path.read_bytes()


def test_a_textfile_that_cannot_be_written_fails_the_run(two: Machine, tmp_path: Path) -> None:
    """Metrics nobody gets are not a success, and are not materialised."""
    two.run()
    _with_textfile(two, tmp_path / "nowhere" / "alt-backup.prom")
    result = two.run("status_checks")
    assert not result.success
    assert "nowhere" in failure(result)
    assert "status/metrics" not in materialised(result)
