"""The restore drill: PROVEN only when everything came back, and FAILED for every other end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import RECORD_NAME
from alt_backup_assets.errors import (
    DrillError,
    NoSnapshot,
    RepositoryError,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.verification.drill import (
    Target,
    drill,
    newest_target,
    scratch_directory,
)
from alt_backup_assets.verification.ledger import open_ledger
from alt_backup_assets.verification.proof import Proof
from tests.fakes.restic import Fault
from tests.fakes.site import DB, ENGINE, TOKENS, Machine
from tests.unit.dumps.postgresql.test_content import SOURCE as OTHER_KIND
from tests.unit.dumps.test_take import Usage


def _require_failed(machine: Machine, proof: Proof, said: str) -> None:
    """Require that it failed for this reason, is in the ledger, and left nothing behind."""
    assert proof.verdict == "FAILED"
    assert said in "; ".join(proof.differences)
    _require_recorded(machine, proof)


def _require_recorded(machine: Machine, proof: Proof) -> None:
    assert open_ledger(machine.site).proofs(proof.volume)[-1] == proof
    assert list(machine.site.scratch.iterdir()) == []
    assert machine.platform.open_targets == 0


def test_a_sound_snapshot_is_proven(machine: Machine) -> None:
    """Restored from the repository, opened, compared, recorded, and nothing left behind."""
    snapshot = machine.snapshot()
    machine.clock.advance(hours=1)
    proof = machine.drill()
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    assert (proof.volume, proof.snapshot, proof.source) == (DB, snapshot.id, "local")
    assert (proof.taken_at, proof.drilled_at) == (snapshot.time, machine.clock.at)
    assert proof.counts == {"files": 1, "bytes": 15, "changed_while_read": 0}
    assert [line.name for line in proof.compared] == ["data.bin"]
    assert proof.dump_id == "20261123T120000.000000Z"
    assert proof.server_version == "fake 1.0"
    assert proof.record_sha256 is not None
    assert proof.runtime is not None
    assert machine.platform.thrown == [("db", proof.runtime, None)]
    _require_recorded(machine, proof)


def test_the_snapshot_is_drilled_and_not_the_disk(machine: Machine) -> None:
    """The dump that lies on the disk is damaged, and then gone: the snapshot is proven."""
    taken = machine.take()
    (taken.dump.directory / "data.bin").write_bytes(b"damaged")
    assert machine.drill().verdict == "PROVEN"
    shutil.rmtree(taken.dump.directory)
    assert machine.drill().verdict == "PROVEN"


def test_an_offsite_copy_is_drilled_from_offsite(machine: Machine) -> None:
    """Its proof speaks of the snapshot it is a copy of."""
    snapshot = machine.snapshot()
    copy_snapshots(machine.site, [DB])
    proof = machine.drill(source="offsite")
    assert (proof.verdict, proof.source, proof.snapshot) == ("PROVEN", "offsite", snapshot.id)
    assert "restore" not in machine.local.calls


def test_other_content_fails(machine: Machine) -> None:
    """What came back is not what was recorded at the source."""
    snapshot = machine.snapshot()
    machine.engine.restore = lambda _content: FilesContent(entries=())
    proof = machine.drill()
    assert not proof.undecided
    assert proof.snapshot == snapshot.id
    assert [(line.name, line.restored, line.equal) for line in proof.compared] == [
        ("data.bin", None, False)
    ]
    _require_failed(machine, proof, "data.bin is missing")


def test_content_of_another_kind_fails(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that answers about something else has proven nothing."""
    machine.snapshot()
    monkeypatch.setattr(machine.engine, "rehearse", lambda *_arguments: OTHER_KIND)
    _require_failed(machine, machine.drill(), "restored as postgresql, recorded as files")


def test_a_drill_that_compared_nothing_fails(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file changed while it was read, so that none is compared: that is no proof."""
    dump = machine.engine.dump

    def all_changed(volume: Volume, platform: Platform, directory: Path) -> Dumped:
        dumped = dump(volume, platform, directory)
        assert isinstance(dumped.content, FilesContent)
        entries = dumped.content.entries
        changed = tuple(entry.model_copy(update={"changed": True}) for entry in entries)
        return replace(dumped, content=FilesContent(entries=changed))

    monkeypatch.setattr(machine.engine, "dump", all_changed)
    machine.snapshot()
    _require_failed(machine, machine.drill(), "nothing was compared")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"rows of db_datA", "data.bin has sha256"),
        (b"rows of", "data.bin has 7 bytes, 15 were written"),
        (b"", "data.bin has 0 bytes, 15 were written"),
    ],
    ids=["flipped", "cut", "emptied"],
)
def test_other_bytes_fail_before_the_engine_sees_them(
    machine: Machine, data: bytes, said: str
) -> None:
    """Against the hash taken while they were written."""
    snapshot = machine.snapshot()
    machine.local.damage_file(snapshot.id, "data.bin", data)
    proof = machine.drill()
    _require_failed(machine, proof, said)
    assert machine.platform.thrown == []


@pytest.mark.parametrize(
    ("record", "said"), [(b"", "is damaged"), (b'{"format": 1}', "is damaged")]
)
def test_a_damaged_record_fails(machine: Machine, record: bytes, said: str) -> None:
    """Nobody knows what should have come back."""
    snapshot = machine.snapshot()
    machine.local.damage_file(snapshot.id, RECORD_NAME, record)
    proof = machine.drill()
    assert (proof.dump_id, proof.record_sha256, proof.counts) == (None, None, {})
    _require_failed(machine, proof, said)


def _replant(machine: Machine, target: Target, change: Callable[[str], str]) -> None:
    """Put a snapshot with the same tags and time in, its record changed."""
    directory = machine.site.state / "planted"
    machine.local.restore(target.snapshot.id, directory)
    record = directory / RECORD_NAME
    record.write_text(change(record.read_text()))
    machine.local.forget([target.snapshot.id])
    machine.local.backup(
        directory, host="fake", tags=target.snapshot.tags, taken_at=target.snapshot.time
    )
    shutil.rmtree(directory)


def test_a_missing_record_fails(machine: Machine) -> None:
    """What has no record is not a complete dump."""
    machine.snapshot()
    directory = machine.site.state / "planted"
    directory.mkdir()
    (directory / "data.bin").write_bytes(b"rows of db_data")
    target = newest_target(machine.site, DB)
    machine.local.forget([target.snapshot.id])
    machine.local.backup(
        directory, host="fake", tags=target.snapshot.tags, taken_at=target.snapshot.time
    )
    _require_failed(machine, machine.drill(), "it is not a complete dump")


def test_two_dumps_swapped_fail(machine: Machine) -> None:
    """Each is whole and sound, and not of the volume its snapshot says."""
    ours, other = machine.take(DB), machine.take(TOKENS)
    machine.local.forget([ours.snapshot.id, other.snapshot.id])
    for tags, dump in ((ours.snapshot.tags, other.dump), (other.snapshot.tags, ours.dump)):
        machine.local.backup(dump.directory, host="fake", tags=tags, taken_at=dump.record.taken_at)
    for volume, found in ((DB, TOKENS), (TOKENS, DB)):
        said = f"the snapshot is of volume {volume}, the dump in it of {found}"
        _require_failed(machine, machine.drill(volume), said)
    assert machine.platform.thrown == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"platform": "fake"', '"platform": "other"', "of platform fake, the dump in it of other"),
        ('"taken_at": "2026-11-23T12', '"taken_at": "2026-11-22T12', "of data time 2026-11-23T12"),
    ],
    ids=["another platform", "an older dump"],
)
def test_a_dump_that_is_not_the_snapshots_fails(
    machine: Machine, before: str, after: str, said: str
) -> None:
    """Of another machine, or of another day: an old dump again is not fresh."""
    machine.snapshot()
    _replant(machine, newest_target(machine.site, DB), lambda text: text.replace(before, after))
    _require_failed(machine, machine.drill(), said)


@pytest.mark.parametrize(
    "error", [RepositoryError("pack 12ab is damaged"), NoSnapshot("pack 12ab is damaged")]
)
def test_a_restore_that_fails_fails(machine: Machine, error: RepositoryError) -> None:
    """What the repository cannot give back is not proven."""
    machine.snapshot()
    machine.local.faults = {"restore": Fault(error)}
    _require_failed(machine, machine.drill(), "pack 12ab is damaged")


@pytest.mark.parametrize(
    ("error", "undecided"),
    [
        (ToolFailed("pg_restore exited with 1", 1), False),
        (ToolTimeout("pg_restore did not end within 7200 s"), False),
        (DrillError("no runtime"), False),
        (ValueError("no JSON"), False),
        (KeyError("version"), False),
        (ServiceNotFound("the image is no longer here"), True),
        (ServiceVanished("the engine was restarted"), True),
        (OSError(28, "No space left on device"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_engine_that_fails_fails(machine: Machine, error: Exception, undecided: bool) -> None:
    """Whatever goes wrong once the drill has begun; what the machine did is told apart."""
    machine.snapshot()
    machine.engine.rehearse_errors[DB].append(error)
    proof = machine.drill()
    _require_failed(machine, proof, str(error))
    assert proof.undecided is undecided


def test_an_engine_without_a_driver_fails(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump of a time when there was one is not proven by nobody."""
    machine.snapshot()
    monkeypatch.delitem(DRIVERS, ENGINE)
    _require_failed(machine, machine.drill(), "has no driver in this version")


def test_too_little_room_fails_before_anything_is_restored(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill never fills the disk it is to protect."""
    machine.snapshot()
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 40, 0, 1 << 20))
        proof = machine.drill()
    _require_failed(machine, proof, "the drill of db_data needs about 0 MiB")
    assert "restore" not in machine.local.calls


def test_an_interrupted_drill_proves_nothing_and_leaves_nothing(machine: Machine) -> None:
    """Ctrl-C is no verdict."""
    machine.snapshot()
    machine.engine.rehearse_errors[DB].append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        machine.drill()
    assert open_ledger(machine.site).proofs(DB) == ()
    assert list(machine.site.scratch.iterdir()) == []


def test_what_a_crashed_drill_left_is_not_compared(machine: Machine) -> None:
    """Its files are gone before the next one restores."""
    machine.snapshot()
    left = scratch_directory(machine.site, DB)
    left.mkdir()
    (left / "stranger").write_bytes(b"half")
    assert machine.drill().verdict == "PROVEN"
    assert not left.exists()


def test_a_proof_says_what_it_was_made_of_and_with(machine: Machine) -> None:
    """The hashes of the dump and of its content, and the versions of the tools."""
    machine.snapshot()
    first, again = machine.drill(), machine.drill()
    assert first.tools == {"alt_backup_assets": version("alt_backup_assets"), "restic": "0.18.0"}
    assert first.fingerprint is not None
    assert (first.fingerprint, first.dump_sha256) == (again.fingerprint, again.dump_sha256)
    machine.write(b"other rows")
    machine.clock.advance(hours=1)
    machine.snapshot()
    other = machine.drill()
    assert other.fingerprint != first.fingerprint
    assert other.record_sha256 != first.record_sha256


def test_without_restic_a_drill_has_failed(machine: Machine) -> None:
    """It is recorded as such, with the reason."""
    machine.snapshot()
    target = newest_target(machine.site, DB)
    machine.local.faults = {"require_version": Fault(ToolMissing("too old"))}
    proof = drill(machine.site, target)
    assert proof is not None
    assert (proof.verdict, proof.differences, proof.tools) == ("FAILED", ("too old",), {})
