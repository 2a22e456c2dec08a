"""Fixtures of the stages' tests: a machine of fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.ledger import publish
from alt_backup_assets.verification.repository_check import check
from tests.fakes.site import DB, ENGINE, TOKENS, Machine, fake_machine

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


@pytest.fixture(name="good")
def _good(machine: Machine) -> Machine:
    """Return a machine on which all is well, an hour after everything ran."""
    for volume in (DB, TOKENS):
        (machine.site.state / volume).mkdir()
        machine.platform.volumes[volume] = machine.site.state / volume
    machine.back_up()
    for volume in (DB, TOKENS):
        machine.drill(volume)
    publish(machine.site)
    copy_snapshots(machine.site, (DB, TOKENS))
    check(machine.site)
    machine.clock.advance(hours=1)
    machine.local.calls.clear()
    machine.offsite.calls.clear()
    return machine
