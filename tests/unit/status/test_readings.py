"""How often things are read for a status: once each, however many volumes and dumps there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from alt_backup_assets.dumps import store as store_module
from alt_backup_assets.dumps.record import RECORD_NAME, DumpRecord, read_record
from alt_backup_assets.registry.volume import Exclusion, Registry, Volume
from alt_backup_assets.site import Site
from alt_backup_assets.status.read import read_all, read_status
from alt_backup_assets.verification.ledger import Ledger, publish
from tests.fakes.site import DB, ENGINE, Machine

ENTRIES = tuple(
    Volume(name=f"volume_{number}", service="s", engine=ENGINE, category="data")
    for number in range(6)
)


@pytest.fixture(name="records")
def _records(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """Count the readings of each dump's record."""
    read: Counter[Path] = Counter()

    def count(directory: Path) -> DumpRecord:
        read[directory] += 1
        return read_record(directory)

    monkeypatch.setattr(store_module, "read_record", count)
    return read


@pytest.fixture(name="chains")
def _chains(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the readings of each volume's chain of proofs."""
    read: Counter[str] = Counter()
    lines = Ledger._lines

    def count(ledger: Ledger, volume: str) -> list[bytes]:
        read[volume] += 1
        return lines(ledger, volume)

    monkeypatch.setattr(Ledger, "_lines", count)
    return read


def _lived(machine: Machine, days: int) -> None:
    """Back up and drill one volume every day."""
    for _ in range(days):
        machine.snapshot()
        machine.drill()
        publish(machine.site)
        machine.clock.advance(days=1)


@pytest.mark.parametrize("days", [1, 4])
def test_what_is_read_does_not_grow_with_the_history(
    machine: Machine, records: Counter[Path], chains: Counter[str], days: int
) -> None:
    """One listing of each repository, each record once, each chain for itself and its head."""
    machine.offsite.init()
    _lived(machine, days)
    for counted in (records, chains, machine.local.calls, machine.offsite.calls):
        counted.clear()
    read_all(machine.site)
    assert machine.local.calls == ["snapshots", "stored_bytes"]
    assert machine.offsite.calls == ["snapshots"]
    assert len(records) == days
    assert set(records.values()) == {1}
    assert chains[DB] == 2


def test_what_is_asked_does_not_grow_with_the_volumes(machine: Machine) -> None:
    """Six volumes cost no call more than none."""
    (machine.site.state / "ledger").mkdir()
    called = []
    for entries in ((), ENTRIES):
        site = _with(machine.site, entries)
        machine.local.init()
        machine.offsite.init()
        machine.local.calls.clear()
        machine.offsite.calls.clear()
        read_status(site)
        called.append((list(machine.local.calls), list(machine.offsite.calls)))
    assert called == [(["snapshots", "stored_bytes"], ["snapshots"])] * 2


def _with(site: Site, entries: tuple[Volume, ...]) -> Site:
    excluded = Exclusion(reason="can be made again", review=date(2030, 1, 1))
    one = Volume(name="models", service="s", category="models", excluded=excluded)
    return replace(site, registry=Registry(source="volumes.yaml", volumes=(one, *entries)))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_record_that_is_damaged_shows_wherever_it_is(machine: Machine, number: int) -> None:
    """The oldest as well as the newest; and the newest sound one is still looked at."""
    _lived(machine, 3)
    homes = sorted((machine.site.state / "dumps" / DB).iterdir())
    (homes[number] / RECORD_NAME).write_text("{}")
    (evidence, _) = read_all(machine.site).evidence
    assert evidence.damage == (f"{homes[number]} has no readable record",)
    assert len(evidence.dumped) == 2
    assert not read_status(machine.site).checksums_ok


def test_a_detail_of_an_old_proof_that_was_touched_is_critical(machine: Machine) -> None:
    """Nothing reads it for a status any more, and it shows as before."""
    _lived(machine, 3)
    file = machine.site.state / "ledger" / f"{DB}.jsonl"
    first, *rest = file.read_bytes().splitlines(keepends=True)
    assert b'"counts":{' in first
    file.write_bytes(b"".join([first.replace(b'"counts":{', b'"counts":{"x":1,'), *rest]))
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert f"the proofs of {DB} cannot be believed: {file}:2 does not follow the line before" in (
        status.reasons
    )
