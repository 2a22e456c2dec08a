"""The ledger: proofs in their order, and a chain that shows when it was touched."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from alt_backup_assets.errors import (
    LedgerError,
    RepositoryMissing,
    RepositoryUnreachable,
    VolumeBusy,
)
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification import ledger as module
from alt_backup_assets.verification.heads import head_tag
from alt_backup_assets.verification.ledger import Ledger, open_ledger, publish
from tests.fakes.clock import NOW
from tests.fakes.records import numbered_proof
from tests.fakes.restic import FakeRestic, Fault
from tests.fakes.site import DB, Machine, fake_site


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture(name="file")
def _file(tmp_path: Path, ledger: Ledger) -> Path:
    """Write three proofs and return their file."""
    for number in range(3):
        ledger.append(numbered_proof(number))
    return tmp_path / "ledger" / f"{DB}.jsonl"


def test_proofs_come_back_in_the_order_they_were_made(ledger: Ledger, file: Path) -> None:
    """Each as it was."""
    assert ledger.proofs(DB) == tuple(numbered_proof(number) for number in range(3))


def test_a_volume_that_was_never_drilled_has_no_proof(ledger: Ledger, file: Path) -> None:
    """Another one's are not its."""
    assert ledger.proofs("token-data") == ()


def test_volumes_have_their_own_chains(ledger: Ledger, file: Path) -> None:
    """One that is damaged takes nothing from the others."""
    ledger.append(numbered_proof(9, "token-data"))
    file.write_text("damaged\n")
    assert ledger.proofs("token-data") == (numbered_proof(9, "token-data"),)


def test_a_proof_of_an_older_version_is_still_read(ledger: Ledger, tmp_path: Path) -> None:
    """What is kept since then is absent from it, and the next proof follows it."""
    old = (
        '{"previous":"'
        + "0" * 64
        + '","proof":{"volume":"db_data","snapshot":"ab","source":"local",'
        '"verdict":"PROVEN","differences":[],"taken_at":"2026-11-20T12:00:00Z",'
        '"drilled_at":"2026-11-20T13:00:00Z","phases":{"fetch":1.5},"counts":{"rows":1}}}\n'
    )
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / f"{DB}.jsonl").write_text(old)
    (read,) = ledger.proofs(DB)
    assert (read.dump_sha256, read.fingerprint, read.tools) == (None, None, {})
    ledger.append(numbered_proof(1))
    assert ledger.proofs(DB) == (read, numbered_proof(1))


def _replaced(lines: list[bytes], number: int, before: bytes, after: bytes) -> list[bytes]:
    assert before in lines[number]
    return [*lines[:number], lines[number].replace(before, after), *lines[number + 1 :]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: _replaced(lines, 0, b"PROVEN", b"FAILED"), ":2 does not follow"),
        (lambda lines: _replaced(lines, 1, b'"rows":1', b'"rows":8'), ":3 does not follow"),
        (lambda lines: lines[1:], ":1 does not follow"),
        (lambda lines: [lines[0], lines[2]], ":2 does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], ":1 does not follow"),
        (lambda lines: [lines[0], lines[0], lines[1]], ":2 does not follow"),
        (lambda lines: [b"{}\n", *lines[1:]], ":1 is damaged"),
        (lambda lines: [lines[0], b"\n", *lines[1:]], ":2 is damaged"),
        (lambda lines: _replaced(lines, 2, b'"PROVEN"', b'"MAYBE"'), ":3 is damaged"),
    ],
    ids=[
        *("first changed", "middle changed", "first removed", "middle removed", "order changed"),
        *("twice", "first foreign", "blank line", "last foreign"),
    ],
)
def test_a_line_that_was_touched_shows(
    ledger: Ledger, file: Path, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    """Changed, taken out, moved or put in; and nothing is added behind it."""
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
    touched = file.read_bytes()
    with pytest.raises(LedgerError, match=said):
        ledger.proofs(DB)
    with pytest.raises(LedgerError):
        ledger.append(numbered_proof(4))
    assert file.read_bytes() == touched


@pytest.mark.parametrize("length", [1, 10, 200])
def test_a_line_a_crash_tore_is_replaced(ledger: Ledger, file: Path, length: int) -> None:
    """It was never reported: it is not read, and the next proof takes its place."""
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:length])
    assert len(ledger.proofs(DB)) == 3
    ledger.append(numbered_proof(3))
    assert ledger.proofs(DB) == tuple(numbered_proof(number) for number in range(4))
    assert file.read_bytes().startswith(whole)


def test_a_whole_line_without_its_end_is_replaced(ledger: Ledger, file: Path) -> None:
    """The newline is the last byte written, so without it nothing was promised."""
    file.write_bytes(file.read_bytes()[:-1])
    assert len(ledger.proofs(DB)) == 2
    ledger.append(numbered_proof(7))
    assert ledger.proofs(DB)[-1] == numbered_proof(7)


def test_a_site_without_a_ledger_begins_one(machine: Machine) -> None:
    """Neither on the disk nor in the repository."""
    machine.local.init()
    assert open_ledger(machine.site).proofs(DB) == ()


def _lose(machine: Machine) -> None:
    shutil.rmtree(machine.site.state / "ledger")


def test_a_lost_ledger_comes_back_from_the_repository(machine: Machine) -> None:
    """The newest of those that were put there, with every proof."""
    machine.snapshot()
    proofs = []
    for _ in range(2):
        proofs.append(machine.drill())
        publish(machine.site)
        machine.clock.advance(hours=1)
    _lose(machine)
    assert open_ledger(machine.site).proofs(DB) == tuple(proofs)
    assert not list(machine.site.state.glob(".ledger-*"))


def test_on_a_bare_machine_the_ledger_comes_back_from_offsite(machine: Machine) -> None:
    """The proofs survive the loss of the machine and of its local repository."""
    machine.snapshot()
    proof = machine.drill()
    publish(machine.site)
    machine.offsite.init()
    for snapshot in machine.local.snapshots(tag=LEDGER):
        machine.local.restore(snapshot.id, machine.site.scratch / "ledger")
        machine.offsite.backup(
            machine.site.scratch / "ledger", host="fake", tags=[LEDGER], taken_at=snapshot.time
        )
    shutil.rmtree(machine.site.state / "ledger")
    bare = replace(machine.site, local=FakeRestic("/fake/new"))
    assert open_ledger(bare).proofs(DB) == (proof,)


def test_a_bare_machine_without_offsite_has_no_proofs_to_bring_back(machine: Machine) -> None:
    """That there is no repository at all is told, and is not an empty ledger."""
    bare = replace(machine.site, local=FakeRestic("/fake/new"), offsite=None)
    with pytest.raises(RepositoryMissing):
        open_ledger(bare)


def test_a_ledger_that_is_there_is_not_replaced(machine: Machine) -> None:
    """The one on the disk is newer."""
    machine.snapshot()
    machine.drill()
    publish(machine.site)
    machine.drill()
    assert len(open_ledger(machine.site).proofs(DB)) == 2


@pytest.mark.parametrize("call", ["snapshots", "restore"])
def test_a_lost_ledger_that_cannot_come_back_is_an_error(machine: Machine, call: str) -> None:
    """No proofs is not the same as no answer; nothing half is left in its place."""
    machine.snapshot()
    machine.drill()
    publish(machine.site)
    _lose(machine)
    machine.local.faults = {call: Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        open_ledger(machine.site)
    assert sorted(path.name for path in machine.site.state.iterdir() if "ledger" in path.name) == []
    machine.local.faults = {}
    assert len(open_ledger(machine.site).proofs(DB)) == 1


class _Meeting(FakeRestic):
    """A repository whose listing waits for a second caller, for a moment."""

    both = threading.Barrier(2)

    def snapshots(self, *, host: str | None = None, tag: str | None = None) -> tuple[Snapshot, ...]:
        """Let two callers in at once, if there are two."""
        with suppress(threading.BrokenBarrierError):
            self.both.wait(0.3)
        return super().snapshots(host=host, tag=tag)


def test_a_lost_ledger_comes_back_once(tmp_path: Path) -> None:
    """Volumes are drilled side by side, and all of them find it gone."""
    repository = _Meeting("/fake/local", exists=True)
    site = fake_site(tmp_path, local=repository)
    (site.state / "aside").mkdir()
    Ledger(site.state / "aside").append(numbered_proof(1))
    repository.backup(site.state / "aside", host="fake", tags=[LEDGER], taken_at=NOW)
    found: list[object] = []

    def look() -> None:
        try:
            found.append(open_ledger(site).proofs(DB))
        except OSError as error:
            found.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [(numbered_proof(1),)] * 2


def test_the_ledger_goes_into_the_repository(machine: Machine) -> None:
    """Under its own tag, which is no volume's, always at the same path."""
    machine.snapshot()
    machine.drill()
    publish(machine.site)
    (snapshot,) = machine.local.snapshots(tag=LEDGER)
    assert snapshot.tags[0] == LEDGER
    assert head_tag(snapshot) == snapshot.tags[1]
    assert snapshot.paths == (str(machine.site.state / "ledger"),)
    assert snapshot.host == "fake"


def test_two_runs_that_end_at_once_both_publish(machine: Machine) -> None:
    """The second waits for the first; a good drill does not turn red over it."""
    machine.snapshot()
    machine.drill()
    is_held = threading.Event()

    def hold() -> None:
        with machine.site.lock("ledger-snapshot"):
            is_held.set()
            threading.Event().wait(0.1)

    other = threading.Thread(target=hold)
    other.start()
    assert is_held.wait(5)
    publish(machine.site)
    other.join()
    assert len(machine.local.snapshots(tag=LEDGER)) == 1


def test_waiting_to_publish_has_an_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that never lets go is named."""
    machine.snapshot()
    machine.drill()
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.05)
    with machine.site.lock("ledger-snapshot"), pytest.raises(VolumeBusy):
        publish(machine.site)
