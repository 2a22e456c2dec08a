"""The published ends of the chains: whatever is cut off or put back shows, and can be mended."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.errors import LedgerError, RepositoryUnreachable
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.sources import read_sources
from alt_backup_assets.verification.heads import head_tag
from alt_backup_assets.verification.ledger import (
    Ledger,
    heads,
    open_ledger,
    publish,
    require_published,
)
from tests.fakes.restic import FakeRestic, Fault
from tests.fakes.site import DB, TOKENS, Machine

Tamper = Callable[[Path, Path], object]


def _drill_and_publish(machine: Machine) -> None:
    for volume in (DB, TOKENS):
        machine.drill(volume)
    publish(machine.site)
    machine.clock.advance(hours=1)


def _root(machine: Machine) -> Path:
    return machine.site.state / "ledger"


@pytest.fixture(name="older")
def _older(machine: Machine, tmp_path: Path) -> Path:
    """Return a copy of the ledger as it was before the second publication, two drills ago."""
    machine.back_up()
    _drill_and_publish(machine)
    shutil.copytree(_root(machine), tmp_path / "older")
    _drill_and_publish(machine)
    copy_snapshots(machine.site, (DB, TOKENS))
    return tmp_path / "older"


def _cut(root: Path, _older: Path) -> None:
    file = root / f"{DB}.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])


def _rewritten(root: Path, _older: Path) -> None:
    """Change the last line, which no other line follows."""
    file = root / f"{DB}.jsonl"
    first, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + last.replace(b'"PROVEN"', b'"FAILED"'))


def _removed(root: Path, _older: Path) -> None:
    (root / f"{DB}.jsonl").unlink()


def _replaced(root: Path, older: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(older, root)


def _emptied(root: Path, _older: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def _notes_cut(root: Path, older: Path) -> None:
    """Cut a chain, and put the notes back that go with it."""
    _cut(root, older)
    shutil.copy(older / ".heads", root / ".heads")


def _notes_damaged(root: Path, _older: Path) -> None:
    (root / ".heads").write_text("{}\n")


TAMPERED: list[Tamper] = [
    *(_cut, _rewritten, _removed, _replaced, _emptied, _notes_cut, _notes_damaged)
]


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: str(tamper.__name__))
def test_tampering_is_critical_and_a_restored_ledger_is_good(
    machine: Machine, older: Path, tamper: Tamper
) -> None:
    """Each way of taking a proof back shows, with what to do; doing that ends it."""
    assert read_status(machine.site).verdict == "GOOD"
    tamper(_root(machine), older)
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert "the ledger of proofs was changed behind our back" in status.reasons[0]
    assert f"move {_root(machine)} away" in status.reasons[0]

    shutil.rmtree(_root(machine))
    assert read_status(machine.site).verdict == "GOOD"
    assert len(open_ledger(machine.site).proofs(DB)) == 2


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: str(tamper.__name__))
def test_a_ledger_that_was_cut_is_never_published(
    machine: Machine, older: Path, tamper: Tamper
) -> None:
    """Otherwise the next drill would make the cut the truth."""
    tamper(_root(machine), older)
    machine.drill(TOKENS)
    before = machine.local.snapshots(tag=LEDGER)
    with pytest.raises(LedgerError, match="behind our back"):
        publish(machine.site)
    assert machine.local.snapshots(tag=LEDGER) == before


def test_a_line_changed_in_the_middle_is_critical(machine: Machine, older: Path) -> None:
    """The chain itself shows that, whatever was published."""
    file = _root(machine) / f"{DB}.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"PROVEN"', b'"FAILED"', 1))
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert any("cannot be believed" in reason for reason in status.reasons)


def test_the_copy_offsite_shows_what_a_local_repository_hides(
    machine: Machine, older: Path
) -> None:
    """The newest ledger snapshot of either repository is what the disk is held against."""
    newest = machine.local.snapshots(tag=LEDGER)[-1]
    machine.local.forget([newest.id])
    _replaced(_root(machine), older)
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert "behind our back" in status.reasons[0]


def test_a_drill_under_way_is_no_tampering(machine: Machine, older: Path) -> None:
    """What was appended since the publication is longer, not other."""
    machine.drill(DB)
    require_published(open_ledger(machine.site), machine.local.snapshots())


def test_a_publication_under_way_or_interrupted_is_no_tampering(
    machine: Machine, older: Path
) -> None:
    """Its note is written before its snapshot; the note of the last one is beside it."""
    machine.drill(DB)
    machine.local.faults = {"backup": Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        publish(machine.site)
    machine.local.faults = {}
    assert read_status(machine.site).verdict == "GOOD"
    publish(machine.site)
    assert read_status(machine.site).verdict == "GOOD"


def test_publishing_the_same_again_notes_nothing_new(machine: Machine, older: Path) -> None:
    """The tag stands for what is in the ledger, not for when it was put in."""
    before = (_root(machine) / ".heads").read_bytes()
    publish(machine.site)
    assert (_root(machine) / ".heads").read_bytes() == before
    first, second = machine.local.snapshots(tag=LEDGER)[-2:]
    assert head_tag(first) == head_tag(second)


def test_notes_do_not_grow_for_ever(machine: Machine, older: Path) -> None:
    """A few are enough for publications that are under way."""
    for _ in range(20):
        machine.drill(DB)
        publish(machine.site)
        machine.clock.advance(hours=1)
    assert len(open_ledger(machine.site).published()) == 17
    assert read_status(machine.site).verdict == "GOOD"


def test_the_note_of_the_newest_snapshot_stays_whatever_the_clock_did(
    machine: Machine, older: Path
) -> None:
    """A clock that ran ahead once makes that publication the newest for a while."""
    machine.clock.advance(days=1)
    machine.drill(DB)
    publish(machine.site)
    machine.clock.advance(days=-1)
    for _ in range(20):
        machine.drill(DB)
        publish(machine.site)
    require_published(open_ledger(machine.site), machine.local.snapshots())


def test_a_ledger_published_before_heads_were_kept_is_believed(
    machine: Machine, older: Path
) -> None:
    """There is nothing to hold it against; the next publication notes its ends."""
    for snapshot in machine.local.snapshots(tag=LEDGER):
        bare = snapshot.model_copy(update={"tags": (LEDGER,)})
        machine.local._snapshots[snapshot.id] = bare
    (_root(machine) / ".heads").unlink()
    require_published(open_ledger(machine.site), machine.local.snapshots())
    publish(machine.site)
    assert head_tag(machine.local.snapshots(tag=LEDGER)[-1]) is not None


def test_heads_say_how_long_every_chain_is(machine: Machine, older: Path) -> None:
    """As many proofs as there are, and a hash that changes with each."""
    db, tokens = heads(machine.site)
    assert [(h.volume, h.length) for h in (db, tokens)] == [(DB, 2), (TOKENS, 2)]
    machine.drill(DB)
    longer, same = heads(machine.site)
    assert (longer.length, same) == (3, tokens)
    assert longer.sha256 != db.sha256


def test_without_any_proof_there_are_no_heads(tmp_path: Path) -> None:
    """And nothing was published."""
    ledger = Ledger(tmp_path / "nothing")
    assert (ledger.heads(), ledger.published()) == ((), ())
    require_published(ledger, FakeRestic(exists=True).snapshots())


def test_a_cut_chain_takes_no_other_with_it(machine: Machine, older: Path) -> None:
    """The volume whose chain was cut is unknown; what the other has proven still counts."""
    _cut(_root(machine), older)
    sources = read_sources(machine.site)
    assert sources.chains[DB] is None
    assert sources.chains[TOKENS]
    proven = {v.name: v.proven_snapshot is not None for v in read_status(machine.site).volumes}
    assert proven == {DB: False, TOKENS: True}
