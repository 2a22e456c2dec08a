"""Every engine that is offered has both verbs, and no other is pretended."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS, driver
from alt_backup_assets.errors import EngineNotSupported


@pytest.mark.parametrize("engine", sorted(DRIVERS))
def test_a_driver_dumps_and_rehearses(engine: str) -> None:
    """What can be dumped can be proved."""
    found = driver(engine, "any")
    assert callable(found.dump)
    assert callable(found.rehearse)


@pytest.mark.parametrize("engine", ["oracle", "", None])
def test_an_engine_without_a_driver_is_refused(engine: str | None) -> None:
    """Loudly, with the volume's name, and what there is instead."""
    with pytest.raises(EngineNotSupported, match=r"queue: .*files, grafana, meili.*NOT backed up"):
        driver(engine, "queue")
