"""The fake repository is held to the contract of the real one, and its faults are loud."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from alt_backup_assets.errors import RepositoryError, RepositoryUnreachable, RetentionUnsafe
from alt_backup_assets.tools.restic import Restic
from tests.fakes.restic import FakeRestic, Fault
from tests.restic_contract import RepositoryContract, save


class TestFakeRestic(RepositoryContract):
    """The contract, on the fake."""

    @pytest.fixture(name="repository")
    def _repository(self) -> Restic:
        return FakeRestic("/fake/local")

    @pytest.fixture(name="other")
    def _other(self) -> Restic:
        return FakeRestic("/fake/offsite")


def test_it_replaces_every_public_method() -> None:
    """No method of the real client is inherited: none could start a program."""
    public = {
        name
        for name, member in inspect.getmembers(Restic, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public <= vars(FakeRestic).keys()


def test_a_fault_strikes_at_its_position(tmp_path: Path) -> None:
    """The call at a position raises and does nothing; the rerun after it works."""
    fake = FakeRestic(exists=True)
    fake.faults = {1: Fault(RepositoryUnreachable("gone"))}
    save(fake, tmp_path)
    with pytest.raises(RepositoryUnreachable):
        save(fake, tmp_path)
    assert len(fake.snapshots()) == 1
    assert fake.calls == ["backup", "backup", "snapshots"]


def test_a_fault_can_strike_when_the_work_is_done(tmp_path: Path) -> None:
    """As with a kill a moment later, the snapshot is there although the call failed."""
    fake = FakeRestic(exists=True)
    fake.faults = {"backup": Fault(RepositoryError("killed"), after=True)}
    with pytest.raises(RepositoryError, match="killed"):
        save(fake, tmp_path)
    assert len(fake.snapshots()) == 1


def test_append_only_refuses_to_forget(tmp_path: Path) -> None:
    """As on a real append-only server, nothing is removed, and the client finds that out."""
    fake = FakeRestic(append_only=True, exists=True)
    taken = save(fake, tmp_path)
    with pytest.raises(RetentionUnsafe, match="still there"):
        fake.forget([taken.id])
    assert len(fake.snapshots()) == 1


def test_damage_is_found_by_a_check() -> None:
    """A damaged repository does not pass."""
    fake = FakeRestic(exists=True)
    fake.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError, match="12ab"):
        fake.check()


def test_a_damaged_file_comes_back_damaged(tmp_path: Path) -> None:
    """What bit rot changed is what a restore brings back."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/db.dump").write_bytes(b"good")
    fake = FakeRestic(exists=True)
    taken = save(fake, tmp_path / "source")
    fake.damage_file(taken.id, "db.dump", b"evil")
    fake.restore(taken.id, tmp_path / "target")
    assert (tmp_path / "target/db.dump").read_bytes() == b"evil"
