"""One drill after another: what has a proof, what is busy, and where the proof is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.errors import LedgerError, ServiceVanished, VolumeBusy
from alt_backup_assets.verification.drill import drill, newest_target
from alt_backup_assets.verification.ledger import open_ledger
from tests.fakes.site import DB, Machine


def test_a_snapshot_with_a_proof_need_not_be_drilled_again(machine: Machine) -> None:
    """Nothing is restored, and nothing is recorded."""
    machine.snapshot()
    target = newest_target(machine.site, DB)
    assert drill(machine.site, target, again=False) is not None
    machine.local.calls.clear()
    assert drill(machine.site, target, again=False) is None
    assert "restore" not in machine.local.calls
    assert len(open_ledger(machine.site).proofs(DB)) == 1
    assert drill(machine.site, target) is not None
    assert len(open_ledger(machine.site).proofs(DB)) == 2


def test_a_drill_without_a_verdict_is_made_again(machine: Machine) -> None:
    """The machine was in its way, and it said nothing of the snapshot."""
    machine.snapshot()
    machine.engine.rehearse_errors[DB].append(ServiceVanished("the engine was restarted"))
    target = newest_target(machine.site, DB)
    verdicts = [drill(machine.site, target, again=False) for _ in range(3)]
    assert [proof.verdict for proof in verdicts if proof] == ["FAILED", "PROVEN"]


def test_another_snapshot_of_the_volume_is_drilled(machine: Machine) -> None:
    """A proof speaks of one snapshot only."""
    machine.snapshot()
    machine.drill()
    machine.clock.advance(days=1)
    machine.snapshot()
    assert drill(machine.site, newest_target(machine.site, DB), again=False) is not None


def test_two_drills_of_a_volume_are_never_made_at_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits its turn, and not for ever."""
    machine.snapshot()
    volume = machine.volume().model_copy(update={"timeout_minutes": 0})
    registry = machine.site.registry.model_copy(update={"volumes": (volume,)})
    site = replace(machine.site, registry=registry)
    with site.lock(f"drill-{DB}"), pytest.raises(VolumeBusy):
        drill(site, newest_target(site, DB))


def test_a_damaged_ledger_takes_no_proof(machine: Machine) -> None:
    """The drill is red where its result could not be kept."""
    machine.snapshot()
    machine.drill()
    ledger = machine.site.state / "ledger" / f"{DB}.jsonl"
    ledger.write_text("damaged\n")
    with pytest.raises(LedgerError):
        machine.drill()
    assert ledger.read_text() == "damaged\n"
