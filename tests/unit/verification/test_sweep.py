"""The sweep removes what a dead drill left, and nothing of a live one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from alt_backup_assets.site import Site
from alt_backup_assets.verification.drill import scratch_directory
from alt_backup_assets.verification.self_test.bench import room_of
from alt_backup_assets.verification.sweep import sweep, sweep_first
from tests.fakes.site import DB, TOKENS, Machine


def _leave(machine: Machine, volume: str) -> str:
    directory = scratch_directory(machine.site, volume)
    directory.mkdir()
    (directory / "alt.dump").write_bytes(b"half")
    return str(directory)


def test_nothing_left_is_nothing_swept(machine: Machine) -> None:
    """On a machine where all went well."""
    assert sweep(machine.site) == ()


def test_what_a_dead_drill_left_is_removed(machine: Machine) -> None:
    """Restored files and throw-away targets, each named."""
    left = _leave(machine, DB)
    machine.platform.orphans = ("container alt-backup-1",)
    assert sweep(machine.site) == ("container alt-backup-1", left)
    assert list(machine.site.scratch.iterdir()) == []
    assert sweep(machine.site) == ()


def test_what_a_live_drill_uses_is_kept(machine: Machine) -> None:
    """Its lock is held for as long as it lives."""
    live, dead = _leave(machine, DB), _leave(machine, TOKENS)
    with machine.site.lock(f"drill-{DB}"):
        assert sweep(machine.site) == (dead,)
    assert [str(path) for path in machine.site.scratch.iterdir()] == [live]


def test_what_is_not_ours_is_kept(machine: Machine) -> None:
    """The scratch directory may be shared."""
    (machine.site.scratch / "drill-unknown").mkdir()
    (machine.site.scratch / "somebody").mkdir()
    assert sweep(machine.site) == ()
    assert len(list(machine.site.scratch.iterdir())) == 2


def test_what_another_sweep_removed_first_is_no_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there before the lock was taken, and is not any more; only the other names it."""
    _leave(machine, DB)
    room_of(machine.site).mkdir()

    @contextmanager
    def lock(site: Site, name: str) -> Iterator[None]:
        for left in site.scratch.iterdir():
            if left.name.endswith(name):
                shutil.rmtree(left)
        yield

    monkeypatch.setattr(Site, "lock", lock)
    assert sweep(machine.site) == ()
    assert list(machine.site.scratch.iterdir()) == []


def test_what_cannot_be_removed_is_told(machine: Machine) -> None:
    """By a warning where somebody wants one, by a line otherwise; never as an error."""
    scratch_directory(machine.site, DB).touch()  # no directory can be removed there
    lines: list[str] = []
    warnings: list[str] = []
    sweep_first(machine.site, lines.append)
    sweep_first(machine.site, lines.append, warnings.append)
    assert lines == warnings
    assert "what crashed runs left could not be removed: NotADirectoryError: " in lines[0]
