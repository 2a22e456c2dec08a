"""How often things are read before a drill, a removal or a copy: once, whatever there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from alt_backup_assets.offsite.copy import copy_snapshots, uncopied
from alt_backup_assets.registry.volume import Registry, Volume
from alt_backup_assets.site import Site
from alt_backup_assets.verification.ledger import Ledger
from alt_backup_assets.verification.retention import plan
from alt_backup_assets.verification.rotation import rotation
from alt_backup_assets.verification.undrilled import undrilled
from tests.fakes.site import DB, ENGINE, TOKENS, Machine

Act = Callable[[Site], object]


def _names(site: Site) -> list[str]:
    return [volume.name for volume in site.registry.planned]


ACTS: dict[str, Act] = {
    "copy": lambda site: copy_snapshots(site, _names(site)),
    "retention": plan,
    "rotation": lambda site: rotation(site, _names(site)),
    "sensor": undrilled,
    "uncopied": lambda site: uncopied(site, _names(site)),
}


@pytest.fixture(name="chains")
def _chains(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note whose chain of proofs is read, each time."""
    read: list[str] = []
    lines = Ledger._lines

    def note(ledger: Ledger, volume: str) -> list[bytes]:
        read.append(volume)
        return lines(ledger, volume)

    monkeypatch.setattr(Ledger, "_lines", note)
    return read


def _grown(site: Site, more: int) -> Site:
    """Return the site with so many volumes more, of which there is nothing yet."""
    others = (
        Volume(name=f"volume_{number}", service="s", engine=ENGINE, category="data")
        for number in range(more)
    )
    planned = (*site.registry.planned, *others)
    return replace(site, registry=Registry(source="volumes.yaml", volumes=planned))


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_restic_is_asked_as_often_for_many_volumes(
    machine: Machine, chains: list[str], act: Act
) -> None:
    """And no chain of proofs is read twice."""
    machine.back_up()
    for volume in (DB, TOKENS):
        machine.drill(volume)
    copy_snapshots(machine.site, (DB, TOKENS))
    asked = []
    for more in (0, 8):
        site = _grown(machine.site, more)
        for counted in (chains, machine.local.calls, machine.offsite.calls):
            counted.clear()
        act(site)
        asked.append((list(machine.local.calls), list(machine.offsite.calls)))
        assert len(chains) == len(set(chains))
    assert asked[0] == asked[1]
    assert any(asked[0])
