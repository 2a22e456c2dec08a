"""How long the graph of all assets takes to stand in a browser, on Dagster's real web server."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from alt_backup_assets.definitions import keys
from benchmarks.scale.measure import ROOT
from tests.browser import operator
from tests.dagster_home import MODULE, Home
from tests.dagster_servers import web_server
from tests.end_to_end.deployment.bench import eventually

_WIDE, _HIGH = 1600, 1200


def opened_seconds(config: Path, room: Path) -> float:
    """Open the graph with all drills of a site unfolded, in Chromium.

    The UI draws those of them that fit the window.

    Args:
        config: The site's configuration.
        room: An empty directory that is to be made.

    Returns:
        Seconds from the address to the drills on the page.
    """
    room.mkdir()
    home = Home(config, room)
    shutil.copy(ROOT / "dagster.yaml", room)
    with web_server(room, home.environment, "-m", MODULE) as ui, operator(ui.url) as seen:
        eventually(lambda: ui.locations() == {MODULE: True}, "the definitions are loaded")
        started = time.perf_counter()
        seen.open_graph([keys.RESTORE_DRILL], width=_WIDE, height=_HIGH)
        drawn = seen.graph()[keys.RESTORE_DRILL]
        took = time.perf_counter() - started
    assert drawn, "no drill was drawn"
    return took
