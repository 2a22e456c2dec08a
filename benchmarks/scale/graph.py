"""How long the graph of all assets takes to stand in a browser, on Dagster's real web server."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx

from alt_backup_assets.definitions import keys
from tests.browser import operator
from tests.dagster_home import MODULE, Home
from tests.dagster_servers import Ui, web_server

_ROOT = Path(__file__).parents[2]
_SECONDS = 120
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
    shutil.copy(_ROOT / "dagster.yaml", room)
    with web_server(room, home.environment, "-m", MODULE) as ui, operator(ui.url) as seen:
        _await(ui)
        started = time.perf_counter()
        seen.open_graph([keys.RESTORE_DRILL], width=_WIDE, height=_HIGH)
        drawn = seen.graph()[keys.RESTORE_DRILL]
        took = time.perf_counter() - started
    assert drawn, "no drill was drawn"
    return took


def _await(ui: Ui) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            if ui.locations() == {MODULE: True}:
                return
        except httpx.TransportError:  # it does not listen yet
            pass
        assert time.monotonic() < deadline, "the web server did not load the definitions"
        time.sleep(0.5)
