"""What the command line tells Dagster, and that a broken Dagster fails nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from alt_backup_assets.definitions import checks
from tests.unit.cli.conftest import Call, Machine


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Return the instance that ``DAGSTER_HOME`` names."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as opened:
        yield opened


def materialised(instance: dg.DagsterInstance, *key: str) -> dg.AssetMaterialization | None:
    """Return the newest materialisation of an asset."""
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    return event.asset_materialization if event else None


def passed(instance: dg.DagsterInstance, check: str, *key: str) -> bool:
    """Return how the newest evaluation of a check ended."""
    wanted = dg.AssetCheckKey(dg.AssetKey(key), check)
    (record,) = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [wanted]
    ).values()
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data.passed


def test_what_was_done_is_told(machine: Machine, call: Call, instance: dg.DagsterInstance) -> None:
    """Dump, snapshot, copy and drill show in Dagster, on the data's own day; checks too."""
    for verb in ("backup", "offsite", "drill"):
        assert call(verb).code == 0
    (snapshot,) = machine.local.snapshots(tag="tokens")
    day = f"{snapshot.time:%Y-%m-%d}"
    told = {
        stage: materialised(instance, stage, "tokens")
        for stage in ("dump", "snapshot", "offsite", "restore_drill")
    }
    for event in told.values():
        assert event is not None
        assert event.partition == day
    assert told["snapshot"] is not None
    assert told["snapshot"].metadata["restic/snapshot_id"].value == snapshot.id
    for stage, check in (
        ("dump", checks.SIZE_IS_PLAUSIBLE),
        ("dump", checks.SOURCE_IS_HEALTHY),
        ("snapshot", checks.DATA_IS_FRESH),
        ("offsite", checks.COPY_IS_FRESH),
        ("restore_drill", checks.RESTORED_CONTENT_MATCHES),
    ):
        assert passed(instance, check, stage, "tokens")


def test_a_second_backup_of_a_day_is_told_too(
    machine: Machine, call: Call, instance: dg.DagsterInstance
) -> None:
    """Its checks replace those of the first, without a complaint of Dagster's storage."""
    assert "could not be told" not in call("backup").err
    (machine.volume("tokens") / "tokens.txt").write_text("t")
    assert "could not be told" not in call("backup").err
    assert not passed(instance, checks.SIZE_IS_PLAUSIBLE, "dump", "tokens")


def test_a_failed_drill_is_a_failed_check_and_no_materialisation(
    backed_up: Machine, call: Call, instance: dg.DagsterInstance
) -> None:
    """What was not proven never shows as made."""
    (snapshot,) = backed_up.local.snapshots(tag="tokens")
    backed_up.local.damage_file(snapshot.id, "files/tokens.txt", b"other\n")
    assert call("drill", "tokens").code == 2
    assert materialised(instance, "restore_drill", "tokens") is None
    check = checks.RESTORED_CONTENT_MATCHES
    assert not passed(instance, check, "restore_drill", "tokens")


def test_a_failed_backup_materialises_nothing(
    machine: Machine, call: Call, instance: dg.DagsterInstance
) -> None:
    """A volume that was not dumped stays as it was in Dagster, and goes stale there."""
    (machine.volume("tokens") / "tokens.txt").unlink()
    assert call("backup").code == 2
    assert materialised(instance, "dump", "tokens") is None
    assert materialised(instance, "snapshot", "logs") is not None


@pytest.mark.parametrize("settings", [None, ": : [", "storage: {module: nope, class: No}"])
def test_a_broken_dagster_is_a_warning(
    machine: Machine, call: Call, monkeypatch: pytest.MonkeyPatch, settings: str | None
) -> None:
    """No directory, no YAML, a wrong setting: said once on stderr, and the backup is GOOD."""
    home = machine.directory / "home"
    if settings is not None:
        home.mkdir()
        (home / "dagster.yaml").write_text(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    ran = call("backup", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    assert ran.err.count("could not be told") == 1


def test_without_a_home_dagster_is_not_asked(machine: Machine, call: Call) -> None:
    """Nothing is said of Dagster where there is none."""
    ran = call("backup")
    assert ran.code == 0
    assert "Dagster" not in ran.err
    assert machine.local.snapshots()
