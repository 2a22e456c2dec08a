"""The whole code location against the registry: nothing missing, nothing made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from alt_backup_assets.definitions import keys
from alt_backup_assets.definitions.jobs import SPARING
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.registry.volume import RecoveryPointObjective, Registry, Volume
from tests.unit.definitions.bench import Clock, files_volumes, make_site, repository

RPO_STAGES = ("dump", "snapshot", "offsite", "restore_drill")
STAGES = (*RPO_STAGES, "offsite_drill")
MAINTENANCE = ("retention", "repository_check", "log_rotation", "self_test")
CHECKS = (
    ("dump", "size_is_plausible"),
    ("dump", "source_is_healthy"),
    ("snapshot", "data_is_fresh"),
    ("offsite", "copy_is_fresh"),
    ("restore_drill", "restored_content_matches"),
    ("offsite_drill", "offsite_content_matches"),
    ("restore_drill", "status_is_good"),
)
JOBS = {
    "daily_backup",
    "hourly_dumps",
    "log_rotation",
    "offsite_copy",
    "offsite_drill",
    "restore_drill",
    "self_test",
    "status_checks",
}


def _keys(registry: Registry, *prefix: str) -> set[dg.AssetKey]:
    volumes = {("volume", volume.name) for volume in registry.volumes}
    chains = {(stage, volume.name) for volume in registry.planned for stage in STAGES}
    whole = {("maintenance", name) for name in MAINTENANCE} | {
        ("status", "metrics"),
        ("status", "report"),
    }
    return {dg.AssetKey([*prefix, *key]) for key in volumes | chains | whole}


def _checks(registry: Registry, *prefix: str) -> set[dg.AssetCheckKey]:
    return {
        dg.AssetCheckKey(dg.AssetKey([*prefix, stage, volume.name]), check)
        for volume in registry.planned
        for stage, check in CHECKS
    } | {dg.AssetCheckKey(dg.AssetKey([*prefix, "maintenance", "retention"]), "no_drift")}


@pytest.mark.parametrize("host", [None, "web-1"])
@pytest.mark.parametrize("name", ["demo", "alt"])
def test_everything_is_drawn_from_the_registry(tmp_path: Path, name: str, host: str | None) -> None:
    """Assets, checks, jobs, schedules and sensors are those of the registry and no others."""
    registry, prefix = load_registry(name), [host] if host else []
    drawn = repository(make_site(tmp_path, name, host=host))
    drawn.load_all_definitions()

    graph = drawn.asset_graph
    assert graph.get_all_asset_keys() == _keys(registry, *prefix)
    assert graph.asset_check_keys == _checks(registry, *prefix)
    assert set(drawn.job_names) - {"__ASSET_JOB"} == JOBS
    assert {schedule.name for schedule in drawn.schedule_defs} == JOBS
    sensors = {"drill_new_snapshots", "neighbours"} if host else {"drill_new_snapshots"}
    assert {sensor.name for sensor in drawn.sensor_defs} == sensors


def test_the_shipped_platform_has_its_sixteen_volumes(tmp_path: Path) -> None:
    """All sixteen volumes of the platform are nodes, whatever engine they have."""
    drawn = repository(make_site(tmp_path, "alt"))
    volumes = {key for key in drawn.asset_graph.get_all_asset_keys() if key.path[0] == "volume"}
    assert len(volumes) == 16
    assert drawn.asset_graph.get(dg.AssetKey(["dump", "clickhouse_data"])).kinds == {"clickhouse"}


@pytest.mark.parametrize("host", [None, "web-1"])
def test_the_group_of_an_asset_is_its_stage(tmp_path: Path, host: str | None) -> None:
    """Every asset is in the group named for its stage, with or without a host before its key."""
    graph = repository(make_site(tmp_path, host=host)).asset_graph
    for key in graph.get_all_asset_keys():
        assert graph.get(key).group_name == key.path[-2], key


def test_lineage_goes_from_the_volume_to_its_proof(tmp_path: Path) -> None:
    """A volume leads to its dump, that to its snapshot, that to the copy and to the drill."""
    graph = repository(make_site(tmp_path)).asset_graph
    links = (
        ("volume", "dump"),
        ("dump", "snapshot"),
        ("snapshot", "offsite"),
        ("snapshot", "restore_drill"),
        ("offsite", "offsite_drill"),
    )
    for volume in load_registry("demo").planned:
        for before, after in links:
            parents = graph.get(dg.AssetKey([after, volume.name])).parent_keys
            assert parents == {dg.AssetKey([before, volume.name])}


def test_an_excluded_volume_is_an_external_node_that_says_why(tmp_path: Path) -> None:
    """An excluded volume shows with its reason and review date, and nothing comes after it."""
    graph = repository(make_site(tmp_path)).asset_graph
    node = graph.get(dg.AssetKey(["volume", "news_creator_models"]))
    assert node.is_external
    assert not node.is_materializable
    assert node.description == (
        "Not backed up: the models can be downloaded again (to be reviewed by 2027-05-31)."
    )
    assert node.child_keys == set()


def _policy(site_graph: dg.RepositoryDefinition, stage: str, volume: str) -> dg.FreshnessPolicy:
    policy = site_graph.asset_graph.get(dg.AssetKey([stage, volume])).freshness_policy
    assert policy is not None
    return policy


@pytest.mark.parametrize("stage", RPO_STAGES)
def test_freshness_is_the_rpo_of_the_volume(tmp_path: Path, stage: str) -> None:
    """Every stage warns after 25 h and fails after 50 h, or as the entry tightens it."""
    tight = RecoveryPointObjective(warn=timedelta(hours=1), fail=timedelta(hours=2))
    plain = files_volumes("plain").volumes[0]
    strict = Volume(name="strict", service="s", category="data", engine="files", rpo=tight)
    drawn = repository(make_site(tmp_path, Registry(source="r.yaml", volumes=(plain, strict))))
    assert _policy(drawn, stage, "plain") == dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=25), fail_window=timedelta(hours=50)
    )
    assert _policy(drawn, stage, "strict") == dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=1), fail_window=timedelta(hours=2)
    )


def test_a_proof_from_offsite_is_fresh_for_the_configured_weeks(tmp_path: Path) -> None:
    """It comes by rotation: it warns when its weeks are over, and fails after twice as many."""
    site = make_site(tmp_path, files_volumes("one"), offsite_proof={"within_weeks": 3})
    assert _policy(repository(site), "offsite_drill", "one") == dg.FreshnessPolicy.time_window(
        warn_window=timedelta(weeks=3), fail_window=timedelta(weeks=6)
    )


def test_a_partition_is_a_backup_day_in_the_configured_zone(tmp_path: Path) -> None:
    """The last partition is today, and the configured time zone says which day that is."""
    evening = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    for zone, today in (("Asia/Tokyo", "2026-11-24"), ("UTC", "2026-11-23")):
        site = make_site(tmp_path, clock=Clock(evening), timezone=zone)
        with dg.partition_loading_context(effective_dt=evening):
            assert keys.daily(site).get_last_partition_key() == today
        assert site.today.isoformat() == today


def test_every_asset_has_the_same_partitions(tmp_path: Path) -> None:
    """Whatever is materialised has the one partitions definition, so `*` can be selected."""
    site = make_site(tmp_path)
    graph = repository(site).asset_graph
    made = [graph.get(key).partitions_def for key in graph.materializable_asset_keys]
    assert set(made) == {keys.daily(site)}
    assert {graph.get(key).partitions_def for key in graph.asset_check_keys} == {keys.daily(site)}


def test_jobs_are_the_selections_of_the_contract(tmp_path: Path) -> None:
    """The hourly job dumps databases only; the daily one dumps, snapshots, prunes and checks."""
    drawn = repository(make_site(tmp_path))
    registry = load_registry("demo")

    def chosen(job: str) -> set[str]:
        selected = drawn.get_job(job).asset_layer.selected_asset_keys
        return {key.to_user_string() for key in selected}

    assert chosen("hourly_dumps") == {"dump/db_data_17", "dump/recap_db_data"}
    assert chosen("daily_backup") == {
        *(f"{stage}/{v.name}" for stage in ("dump", "snapshot") for v in registry.planned),
        "maintenance/retention",
        "maintenance/repository_check",
    }
    assert chosen("offsite_copy") == {f"offsite/{v.name}" for v in registry.planned}
    assert chosen("restore_drill") == {f"restore_drill/{v.name}" for v in registry.planned}
    assert chosen("offsite_drill") == {f"offsite_drill/{v.name}" for v in registry.planned}
    assert chosen("log_rotation") == {"maintenance/log_rotation"}
    assert chosen("status_checks") == {"status/metrics", "status/report"}
    assert chosen("self_test") == {"maintenance/self_test"}


@pytest.mark.parametrize("spares", [True, False])
def test_only_the_hourly_job_spares_and_that_is_a_setting(tmp_path: Path, spares: bool) -> None:
    """The daily job always dumps anew."""
    site = make_site(tmp_path, schedules={"hourly_spares_unchanged": spares})
    drawn = repository(site)
    sparing = {job.name for job in drawn.get_all_jobs() if job.tags.get(SPARING) == "true"}
    assert sparing == ({"hourly_dumps"} if spares else set())


def test_hourly_snapshots_are_a_setting(tmp_path: Path) -> None:
    """With `hourly_snapshots` the hourly job takes snapshots of the databases too."""
    drawn = repository(make_site(tmp_path, schedules={"hourly_snapshots": True}))
    chosen = drawn.get_job("hourly_dumps").asset_layer.selected_asset_keys
    assert {key.path[0] for key in chosen} == {"dump", "snapshot"}


def test_without_databases_there_is_no_hourly_job(tmp_path: Path) -> None:
    """A platform of plain files has no hourly dumps, and loads."""
    drawn = repository(make_site(tmp_path, files_volumes("one")))
    drawn.load_all_definitions()
    assert "hourly_dumps" not in drawn.job_names
