"""Fixtures of the stages' tests: a machine of fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from alt_backup_assets.dumps.drivers import DRIVERS
from tests.fakes.site import ENGINE, Machine, fake_machine

MakeMachine = Callable[..., Machine]


@pytest.fixture(name="make_machine")
def _make_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeMachine]:
    """Return what makes a machine with its own settings; retries do not wait."""

    def make(**settings: object) -> Machine:
        machine = fake_machine(tmp_path, settings)
        monkeypatch.setitem(DRIVERS, ENGINE, machine.engine)
        return machine

    with stamina.set_testing(True, attempts=3):
        yield make


@pytest.fixture(name="machine")
def _machine(make_machine: MakeMachine) -> Machine:
    return make_machine()
