"""The whole graph as an operator runs it: real PostgreSQL, real restic, Dagster's own command.

Every run is a process of its own, on a site of its own; the servers are shared.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from alt_backup_assets.dumps.take import store
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.status.read import read_status
from alt_backup_assets.verification.undrilled import undrilled
from tests.dagster_home import Home, make_home
from tests.sites import make_tokens

pytestmark = pytest.mark.integration

STAGES = ("dump", "snapshot", "offsite", "restore_drill", "offsite_drill")
VOLUMES = ("db_data_17", "oauth_token_data", "rask_log_aggregator_data", "recap_db_data")
BROKEN = "oauth_token_data"
HEALTHY = tuple(volume for volume in VOLUMES if volume != BROKEN)
MAINTENANCE = {
    f"maintenance/{name}" for name in ("retention", "repository_check", "log_rotation", "self_test")
}
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture(name="proven", scope="module")
def _proven(tmp_path_factory: pytest.TempPathFactory, platform: Path) -> Home:
    """Return a site on which everything was materialised once."""
    home = make_home(tmp_path_factory.mktemp("proven"), platform)
    done = home.materialise("*")
    assert done.returncode == 0, done.stdout
    return home


def _of(stages: tuple[str, ...], volumes: tuple[str, ...]) -> set[str]:
    return {f"{stage}/{volume}" for stage in stages for volume in volumes}


def _dumps(home: Home, volumes: tuple[str, ...]) -> set[str]:
    dumps = (dump for volume in volumes for dump in store(home.site).dumps(volume))
    return {f"{dump.record.volume} {dump.record.dump_id}" for dump in dumps}


def _snapshots(home: Home) -> list[str]:
    site = home.site
    listed = site.local.snapshots(host=site.name)
    return sorted(volume for snapshot in listed if (volume := volume_of(snapshot)))


def test_the_whole_graph_in_one_command(proven: Home) -> None:
    """`--select '*'` of today materialises every asset, and every volume is proven and GOOD."""
    status, made = proven.newest_run()
    assert status == SUCCESS
    assert made == _of(STAGES, VOLUMES) | MAINTENANCE | {"status/metrics", "status/report"}
    found = read_status(proven.site)
    assert (found.verdict, found.reasons) == ("GOOD", ())
    assert found.posture.unproven == 0


def test_every_check_of_the_graph_is_green(proven: Home) -> None:
    """All checks of every volume, and that of drift, were evaluated in that run, and passed."""
    with proven.instance() as instance:
        run = instance.get_runs()[-1]
        logs = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        events = [event.dagster_event for event in logs]
        checked = [event.asset_check_evaluation_data for event in events if event]
    assert len(checked) == 7 * len(VOLUMES) + 1
    assert all(evaluation.passed for evaluation in checked)
    assert {evaluation.partition for evaluation in checked} == {proven.today}


def test_a_day_that_is_over_is_refused(proven: Home) -> None:
    """A past day's dump fails with the reason in the output, and nothing is attempted."""
    before = _dumps(proven, VOLUMES), _snapshots(proven)
    yesterday = proven.site.today - timedelta(days=1)
    done = proven.materialise("group:dump", yesterday.isoformat())
    assert done.returncode != 0
    assert f"{yesterday} is not today" in done.stdout
    assert proven.newest_run() == (FAILURE, set())
    assert (_dumps(proven, VOLUMES), _snapshots(proven)) == before


@pytest.mark.parametrize(
    ("select", "made"),
    [
        ("dump/oauth_token_data", {"dump/oauth_token_data"}),
        ("group:snapshot", _of(("snapshot",), VOLUMES)),
    ],
    ids=["a key", "a group"],
)
def test_a_part_of_the_graph_can_be_selected(proven: Home, select: str, made: set[str]) -> None:
    """One key or one group is materialised, and nothing beside it."""
    done = proven.materialise(select)
    assert done.returncode == 0, done.stdout
    assert proven.newest_run() == (SUCCESS, made)


def test_one_volume_fails_and_a_rerun_does_what_is_missing(home: Home, tmp_path: Path) -> None:
    """The healthy volumes are in at once; a rerun from failure adds the mended one, and only it."""
    tokens = tmp_path / "tokens"
    home.change(lambda content: _put_volume(content, BROKEN, tokens))
    done = home.materialise("group:dump or group:snapshot")
    assert done.returncode != 0
    assert f"backup failed for 1 volume(s):\n  {BROKEN}: " in done.stdout
    assert home.newest_run() == (FAILURE, _of(("dump", "snapshot"), HEALTHY))
    assert _snapshots(home) == sorted(HEALTHY)
    assert {target.volume for target in undrilled(home.site)} == set(HEALTHY)
    assert read_status(home.site).verdict == "CRITICAL"
    dumps = _dumps(home, HEALTHY)

    make_tokens(tokens)
    again = home.rerun()
    assert again.returncode == 0, again.stdout
    assert home.newest_run() == (SUCCESS, _of(("dump", "snapshot"), VOLUMES))
    assert _dumps(home, HEALTHY) == dumps
    assert _snapshots(home) == sorted(VOLUMES)
    assert {target.volume for target in undrilled(home.site)} == set(VOLUMES)


def _put_volume(content: dict[str, Any], volume: str, directory: Path) -> None:
    content["platform"]["volumes"][volume] = str(directory)


def test_every_volume_failing_is_red(home: Home) -> None:
    """With every dump failing the run is red and names all; nothing is copied or drilled."""

    def break_all(content: dict[str, Any]) -> None:
        for service in content["platform"]["services"].values():
            service["env"]["PGHOST"] = "/nonexistent"
        for volume in content["platform"]["volumes"]:
            _put_volume(content, volume, Path("/nonexistent"))

    home.change(break_all)
    done = home.materialise("*")
    assert done.returncode != 0
    assert "backup failed for 4 volume(s):" in done.stdout
    assert home.newest_run() == (FAILURE, {"maintenance/log_rotation", "status/report"})
    assert _dumps(home, VOLUMES) == set()
    assert read_status(home.site).verdict == "CRITICAL"


def test_nothing_attempted_is_red(home: Home) -> None:
    """A run that attempts no volume fails, and the status of what was never done is CRITICAL."""
    done = home.materialise("group:dump", (home.site.today - timedelta(days=2)).isoformat())
    assert done.returncode != 0
    status = read_status(home.site)
    assert status.verdict == "CRITICAL"
    assert status.missing_volumes == tuple(v.name for v in home.site.registry.planned)
