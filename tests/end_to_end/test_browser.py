"""The real UI in a real browser: the graph, a run launched by clicking, a check that failed.

    pytest tests/end_to_end/test_browser.py --pictures docs/images

takes the pictures of the documentation anew; look at them before they are committed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from alt_backup_assets.registry.load import load_registry
from tests.browser import operator
from tests.dagster_home import MODULE, Home, make_home
from tests.dagster_servers import Ui, serving, web_server
from tests.embedded import demo_platform
from tests.end_to_end.deployment.bench import eventually

pytestmark = pytest.mark.end_to_end

LOGS = "rask_log_aggregator_data"
CHAIN = ("volume", "dump", "snapshot", "offsite", "restore_drill", "offsite_drill")


@pytest.fixture(name="pictures")
def _pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    named = request.config.getoption("--pictures")
    return Path(named) if named else tmp_path


@pytest.fixture(name="home")
def _home(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Iterator[Home]:
    with demo_platform(restic_binary) as platform:
        home = make_home(tmp_path_factory.mktemp("home"), platform)
        home.change(lambda content: content.update(schedules={"metrics": "0 0 29 2 *"}))
        with home.instance():
            pass  # SQLite's schema, before two processes would make it at once
        yield home


@pytest.fixture(name="ui")
def _ui(home: Home) -> Iterator[Ui]:
    where = ("-m", MODULE)
    daemon = ("dagster._daemon", "run", *where)
    with (
        serving(home.directory, "daemon", home.environment, *daemon),
        web_server(home.directory, home.environment, *where) as ui,
    ):
        eventually(lambda: ui.locations() == {MODULE: True}, "the definitions are loaded")
        yield ui


def _volume(home: Home, name: str) -> Path:
    """Return the directory of a volume of the demo platform."""
    return Path(yaml.safe_load(home.config.read_text())["platform"]["volumes"][name])


def test_what_an_operator_sees_and_clicks(ui: Ui, home: Home, pictures: Path) -> None:
    """Every chain is drawn, a click makes a dump, and what is wrong with it can be read."""
    made = home.materialise(" or ".join(f"group:{stage}" for stage in CHAIN[1:-1]))
    assert made.returncode == 0, made.stdout
    registry = load_registry("demo")
    planned = sorted(volume.name for volume in registry.planned)
    with operator(ui.url) as seen:
        seen.open_graph(CHAIN, width=2600, height=3200)
        drawn = seen.graph()
        assert drawn.pop("volume") == sorted(volume.name for volume in registry.volumes)
        assert drawn == dict.fromkeys(CHAIN[1:], planned)

        seen.open_partition("restore_drill/db_data_17", home.today)
        seen.sees('alt."public"."articles"')
        seen.picture(pictures / "restore-drill.png", width=1500, height=1240)

        for day in sorted(_volume(home, LOGS).glob("2026/11/*"))[1:]:
            shutil.rmtree(day)
        seen.materialise(f"dump/{LOGS}")
        seen.open_check(f"dump/{LOGS}", "size_is_plausible")
        seen.sees("Failed")
        seen.sees("bytes, after")
        seen.picture(pictures / "failed-check.png", width=1500, height=600)

        seen.open_graph(CHAIN[:-1], width=2000, height=2340)
        seen.sees("1 / 2 Passed")
        seen.picture(pictures / "asset-graph.png", width=2000, height=2340)
