"""A machine on which all is well, an hour after everything ran."""

from __future__ import annotations

import pytest

from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.ledger import publish
from alt_backup_assets.verification.repository_check import check
from tests.fakes.site import DB, TOKENS, Machine


@pytest.fixture(name="good")
def _good(machine: Machine) -> Machine:
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
