"""Runs of the assets: what is red, and what is done nevertheless."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from alt_backup_assets.definitions.jobs import SPARING
from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.record import Comparison
from alt_backup_assets.dumps.take import store
from alt_backup_assets.dumps.unchanged import WATCHED
from alt_backup_assets.errors import RepositoryUnreachable
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.verification import drill as drilling
from tests.fakes.platform import FakePlatform
from tests.fakes.restic import FakeRestic, Fault
from tests.unit.definitions.bench import (
    EVERYTHING,
    Machine,
    evaluations,
    failure,
    make_site,
    materialised,
    repository,
)

MAINTENANCE = ("retention", "repository_check", "log_rotation", "self_test")


def test_everything_can_be_selected(two: Machine) -> None:
    """One run over all assets does the chain of every volume, the maintenance and the metrics."""
    result = two.run()
    assert result.success
    assert materialised(result) == {
        *(
            f"{stage}/{volume}"
            for stage in ("dump", "snapshot", "offsite", "restore_drill", "offsite_drill")
            for volume in ("one", "two")
        ),
        "status/metrics",
        "status/report",
        *(f"maintenance/{name}" for name in MAINTENANCE),
    }


def test_one_failing_volume_makes_the_run_red_and_stops_no_other(two: Machine) -> None:
    """The healthy volume is dumped and in the repository; nothing is pruned after a failure."""
    two.lose("one")
    result = two.run()
    assert not result.success
    assert "backup failed for 1 volume(s):\n  one: " in failure(result)
    assert materialised(result) == {
        *("dump/two", "snapshot/two"),
        *("maintenance/repository_check", "maintenance/log_rotation"),
        "status/report",
    }
    assert not [call for call in two.restic.calls if call.startswith("forget")]


def test_the_repository_is_checked_last_even_after_a_failure(two: Machine) -> None:
    """Behind backup and retention where all is well, and on the day a volume fails too."""
    assert two.run("daily_backup").success
    assert two.restic.calls.index("forget_and_prune") < two.restic.calls.index("check")
    two.restic.calls.clear()
    two.lose("one")
    assert materialised(two.run("daily_backup")) == {
        *("dump/two", "snapshot/two", "maintenance/repository_check"),
    }
    assert two.restic.calls.index("backup") < two.restic.calls.index("check")


def test_a_refused_retention_is_red_and_old_dumps_go_nevertheless(two: Machine) -> None:
    """The volume is named, no snapshot goes, and the disk does not fill with dumps."""
    two.run(keys=["dump/one", "snapshot/one"])
    two.clock.ahead = timedelta(days=8)
    two.run(keys=["dump/one", "snapshot/one"])
    result = two.run(keys=["maintenance/retention"])
    assert not result.success
    assert "two: it has no snapshot in the local repository" in failure(result)
    assert "forget_and_prune" not in two.restic.calls
    assert len(store(two.site).dumps("one")) == 1


def test_a_failed_dump_evaluates_no_check_green(two: Machine) -> None:
    """What failed has no evaluation that could look good."""
    two.lose("one")
    assert not any(key.startswith("dump/one") for key in evaluations(two.run()))


def test_all_volumes_failing_is_red_and_names_them_all(two: Machine) -> None:
    """With every dump failing nothing is materialised and both are named."""
    two.lose("one")
    two.lose("two")
    result = two.run("daily_backup")
    assert not result.success
    assert "backup failed for 2 volume(s):" in failure(result)
    assert materialised(result) == set()


def test_a_past_day_is_refused_before_anything_is_attempted(two: Machine) -> None:
    """A dump of a day that is over is an error with the reason; nothing is attempted."""
    result = two.run("daily_backup", day="2026-11-01")
    assert not result.success
    assert "2026-11-01 is not today" in failure(result)
    assert materialised(result) == set()
    assert "backup" not in two.restic.calls


def test_a_snapshot_that_fails_keeps_the_dump(two: Machine) -> None:
    """Where the repository refuses, the dumps are materialised and the run is red."""
    two.restic.faults["backup"] = Fault(RepositoryUnreachable("no space left"))
    result = two.run("daily_backup")
    assert not result.success
    assert materialised(result) == {"dump/one", "dump/two", "maintenance/repository_check"}
    assert "no space left" in failure(result)


def test_an_unreachable_offsite_holds_up_no_drill(two: Machine) -> None:
    """Where the copy cannot be made the run is red, and everything is proven nevertheless."""
    assert isinstance(two.site.offsite, FakeRestic)
    two.site.offsite.faults["init"] = Fault(RepositoryUnreachable("no route to host"))
    result = two.run()
    assert not result.success
    assert "the offsite repository does not open: no route to host" in failure(result)
    assert {"restore_drill/one", "restore_drill/two"} <= materialised(result)
    assert not any(key.startswith("offsite/") for key in materialised(result))


def test_a_copy_of_nothing_is_red(two: Machine) -> None:
    """Offsite assets of volumes without a snapshot fail, and name the volume."""
    two.run(keys=["dump/one", "snapshot/one"])
    result = two.run("offsite_copy")
    assert not result.success
    assert "offsite copy failed for 1 volume(s):\n  two: " in failure(result)
    assert materialised(result) == {"offsite/one"}


def test_an_older_day_is_copied_as_that_day(two: Machine) -> None:
    """Offsite assets of a day without a snapshot fail: the newest copy is not that day's."""
    two.run(keys=["dump/one", "snapshot/one"])
    result = two.run(keys=["offsite/one"], day="2026-11-01")
    assert not result.success
    assert materialised(result) == set()


def test_a_drill_of_nothing_is_red(two: Machine) -> None:
    """A drill with no snapshot to drill fails, and says so for each volume."""
    two.run(keys=["dump/one", "snapshot/one"])
    result = two.run("restore_drill")
    assert not result.success
    assert "two has no snapshot" in failure(result)
    assert materialised(result) == {"restore_drill/one"}


def test_a_self_test_shows_every_fault(two: Machine) -> None:
    """What was planted and what the drill said to it is a table beside the materialisation."""
    two.run(keys=["dump/one", "snapshot/one", "dump/two", "snapshot/two"])
    result = two.run("self_test")
    assert materialised(result) == {"maintenance/self_test"}
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert (shown["self_test/verdict"].value, shown["self_test/detected"].value) == ("GOOD", 4)


def test_a_self_test_that_finds_the_drill_blind_is_red(
    two: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill that compares nothing any more is said to, fault by fault."""
    two.run(keys=["dump/one", "snapshot/one", "dump/two", "snapshot/two"])
    monkeypatch.setattr(drilling, "compare", lambda *_contents: Comparison((), ()))
    result = two.run("self_test")
    assert not result.success
    assert "file_zeroed: the drill says PROVEN over the planted fault" in failure(result)
    assert materialised(result) == set()


def test_damage_of_the_repository_is_red(two: Machine) -> None:
    """A repository check that finds damage fails, in the restic's own words."""
    two.run(keys=["dump/one", "snapshot/one"])
    two.restic.damage = "pack 0a1b is damaged"
    result = two.run(keys=["maintenance/repository_check"])
    assert not result.success
    assert "pack 0a1b is damaged" in failure(result)


def test_metadata_says_what_was_made(two: Machine) -> None:
    """Materialisations carry size, duration, counts and snapshot id; a drill has its table."""
    result = two.run()
    made = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    (snapshot,) = two.restic.snapshots(tag="one")
    assert made["dump/one"]["dump/size_bytes"].value == len("what is in one\n" * 10)
    assert made["dump/one"]["data/files"].value == 1
    assert made["snapshot/one"]["restic/snapshot_id"].value == snapshot.id
    assert made["offsite/one"]["restic/copied_from"].value == snapshot.id
    drill = made["restore_drill/one"]
    assert drill["drill/verdict"].value == "PROVEN"
    table = drill["drill/compared"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [(record.data["name"], record.data["equal"]) for record in table.records] == [
        ("file", True)
    ]


def test_an_engine_without_a_driver_is_a_node_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Materialising an engine that is not supported yet fails clearly, and nothing is made."""
    monkeypatch.delitem(DRIVERS, "clickhouse", raising=False)
    site = make_site(tmp_path, "alt", platform=FakePlatform())
    definition = repository(site).get_job(EVERYTHING)
    result = definition.execute_in_process(
        partition_key=site.today.isoformat(),
        asset_selection=[dg.AssetKey([stage, "clickhouse_data"]) for stage in ("dump", "snapshot")],
        raise_on_error=False,
    )
    assert not result.success
    assert "clickhouse_data: the engine clickhouse has no driver in this version" in failure(result)
    assert "the volume is NOT backed up" in failure(result)
    assert materialised(result) == set()


def test_with_a_host_the_same_assets_work(tmp_path: Path) -> None:
    """With a host before every key a run finds its volumes all the same."""
    platform = FakePlatform()
    platform.volumes["oauth_token_data"] = tmp_path / "tokens"
    platform.volumes["oauth_token_data"].mkdir()
    (tmp_path / "tokens" / "token.json").write_text("{}")
    volume = load_registry("demo").volume("oauth_token_data")
    registry = Registry(source="one.yaml", volumes=(volume,))
    site = make_site(tmp_path, registry, platform=platform, host="web-1")
    definition = repository(site).get_job("daily_backup")
    result = definition.execute_in_process(partition_key=site.today.isoformat())
    made = {f"web-1/{stage}/oauth_token_data" for stage in ("dump", "snapshot")}
    assert made <= materialised(result)


def test_a_sparing_run_materialises_the_dump_that_stands(
    two: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the renewed data time, and since when nothing changed; another run dumps anew."""
    monkeypatch.setitem(WATCHED, "files", lambda volume, *_: volume.name == "one")
    keys = ["dump/one", "snapshot/one", "dump/two"]
    assert two.run(keys=keys).success
    result = two.run(keys=keys, tags={SPARING: "true"})
    assert result.success
    shown = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    (dump,) = store(two.site).dumps("one")
    assert dump.unchanged_at is not None
    assert shown["dump/one"]["dump/unchanged_since"].value == dump.record.taken_at.timestamp()
    assert shown["dump/one"]["data/taken_at"].value == dump.unchanged_at.timestamp()
    assert shown["snapshot/one"]["data/taken_at"].value == dump.unchanged_at.timestamp()
    assert shown["snapshot/one"]["restic/is_new"].value is False
    assert "dump/unchanged_since" not in shown["dump/two"]
    assert two.run(keys=keys).success
    assert len(store(two.site).dumps("one")) == 2
