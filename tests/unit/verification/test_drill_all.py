"""Drilling several volumes: each has its own end, and the proofs go into the repository."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.errors import (
    NoSnapshot,
    PlatformError,
    RepositoryError,
    RepositoryUnreachable,
    ToolFailed,
    ToolMissing,
)
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.verification.drill import Target, newest_target, scratch_directory
from alt_backup_assets.verification.drill_all import Drilled, drill_all
from tests.fakes.restic import Fault
from tests.fakes.site import DB, REGISTRY, TOKENS, Machine
from tests.unit.conftest import MakeMachine


def _drill(
    machine: Machine, *, again: bool = True, lines: list[str] | None = None
) -> dict[str, Drilled]:
    def find(volume: Volume) -> Target:
        return newest_target(machine.site, volume.name)

    notify = (lines if lines is not None else []).append
    volumes = machine.site.registry.planned
    ended = drill_all(machine.site, volumes, find, again=again, notify=notify)
    return {done.volume: done for done in ended}


@pytest.fixture(name="backed_up")
def _backed_up(machine: Machine) -> Machine:
    machine.back_up()
    return machine


def _published(machine: Machine) -> int:
    return len(machine.local.snapshots(tag=LEDGER))


def test_every_volume_is_proven(backed_up: Machine) -> None:
    """No error, a proof each, and one ledger in the repository for all of them."""
    ended = _drill(backed_up)
    assert set(ended) == {DB, TOKENS}
    for done in ended.values():
        assert done.error is None
        assert done.proof is not None
        assert done.proof.verdict == "PROVEN"
    assert _published(backed_up) == 1


def test_what_takes_longest_begins_first(
    make_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has to be filled goes before more bytes of files; else the larger one."""
    machine = make_machine(workers=1)
    machine.write(b"x" * 100_000, TOKENS)
    machine.back_up()
    lines: list[str] = []
    _drill(machine, lines=lines)
    assert [line.split(":")[0] for line in lines] == [TOKENS, DB]
    lines.clear()
    tokens = machine.volume(TOKENS).model_copy(update={"engine": "files"})
    registry = REGISTRY.model_copy(update={"volumes": (tokens, machine.volume(DB))})
    machine.site = replace(machine.site, registry=registry)
    monkeypatch.setitem(DRIVERS, "files", machine.engine)
    _drill(machine, lines=lines)
    assert [line.split(":")[0] for line in lines] == [DB, TOKENS]


def test_one_that_fails_stops_no_other(backed_up: Machine) -> None:
    """Its differences are its error, its proof is FAILED, and it is kept like any other."""
    backed_up.engine.rehearse_errors[DB].append(ToolFailed("pg_restore exited with 1", 1))
    ended = _drill(backed_up)
    failed = ended[DB]
    assert failed.error == "pg_restore exited with 1"
    assert failed.proof is not None
    assert failed.proof.verdict == "FAILED"
    assert ended[TOKENS].error is None
    assert _published(backed_up) == 1


def test_when_all_fail_all_have_failed(backed_up: Machine) -> None:
    """None is proven by another one's proof."""
    backed_up.local.faults = {"restore": Fault(RepositoryError("pack is damaged"))}
    assert {done.error for done in _drill(backed_up).values()} == {"pack is damaged"}


def test_a_volume_without_a_snapshot_is_a_failure(machine: Machine) -> None:
    """There is nothing to drill: that is no proof and no success."""
    machine.snapshot(DB)
    ended = _drill(machine)
    assert ended[DB].error is None
    assert ended[TOKENS].proof is None
    assert "token-data has no snapshot" in str(ended[TOKENS].error)


def test_nothing_to_drill_has_no_outcome(backed_up: Machine) -> None:
    """And no ledger is put anywhere."""

    def find(volume: Volume) -> Target:
        raise NoSnapshot(volume.name)

    assert list(drill_all(backed_up.site, [], find, notify=print)) == []
    assert _published(backed_up) == 0


def test_what_has_a_proof_is_left_alone_where_asked(backed_up: Machine) -> None:
    """Neither a proof nor an error, and the ledger is not put in a second time."""
    _drill(backed_up)
    ended = _drill(backed_up, again=False)
    assert [(done.proof, done.error) for done in ended.values()] == [(None, None)] * 2
    assert _published(backed_up) == 1


def test_what_has_a_proof_is_drilled_again_otherwise(backed_up: Machine) -> None:
    """The weekly drill proves anew what was proven."""
    _drill(backed_up)
    volumes = [backed_up.volume()]
    find = partial(newest_target, backed_up.site, DB)
    (done,) = drill_all(backed_up.site, volumes, lambda _volume: find(), notify=print)
    assert done.proof is not None


def test_what_crashed_runs_left_is_swept_first(backed_up: Machine) -> None:
    """And told."""
    backed_up.platform.orphans = ("container alt-backup-1",)
    scratch_directory(backed_up.site, DB).mkdir()
    lines: list[str] = []
    _drill(backed_up, lines=lines)
    assert lines[:2] == [
        "swept: container alt-backup-1",
        f"swept: {scratch_directory(backed_up.site, DB)}",
    ]
    assert any(line.startswith("db_data: drilling snapshot ") for line in lines)


def test_a_sweep_that_fails_is_told_and_stops_no_drill(
    backed_up: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That something old cannot be removed says nothing of a snapshot."""

    def fail() -> tuple[str, ...]:
        raise PlatformError("the engine is busy")

    monkeypatch.setattr(backed_up.platform, "sweep", fail)
    lines: list[str] = []
    ended = _drill(backed_up, lines=lines)
    assert {done.error for done in ended.values()} == {None}
    assert lines[0] == "what crashed runs left could not be removed: the engine is busy"


def test_a_ledger_that_cannot_be_put_in_is_a_failure(backed_up: Machine) -> None:
    """The proofs would be lost with this machine; the volumes' own results are told first."""
    backed_up.local.faults = {"backup": Fault(RepositoryUnreachable("gone"))}

    def find(volume: Volume) -> Target:
        return newest_target(backed_up.site, volume.name)

    ended = drill_all(backed_up.site, [backed_up.volume()], find, notify=print)
    assert next(ended).error is None
    with pytest.raises(RepositoryUnreachable):
        next(ended)


def test_a_restic_that_is_too_old_drills_nothing(backed_up: Machine) -> None:
    """Its restore would be believed by an exit code it does not have."""
    backed_up.local.faults = {"require_version": Fault(ToolMissing("too old"))}
    with pytest.raises(ToolMissing):
        _drill(backed_up)
    assert backed_up.platform.thrown == []
