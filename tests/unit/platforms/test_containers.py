"""The record of our own containers: who is in it, and when one counts as gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alt_backup_assets.errors import PlatformError
from alt_backup_assets.platforms.containers import OwnContainers

OURS, STRANGE = "0123456789ab", "ba9876543210"


def _ended(_container: str) -> bool:
    return False


def _runs(_container: str) -> bool:
    return True


def _unknown(container: str) -> bool:
    raise PlatformError(f"the engine does not answer (asked for {container})")


@pytest.mark.parametrize(("runs", "gone"), [(_ended, True), (_runs, False), (_unknown, False)])
def test_only_the_engine_tells_that_one_of_ours_is_gone(
    tmp_path: Path, runs: Callable[[str], bool], gone: bool
) -> None:
    """One that ended is gone; one that runs is not, and neither is one nobody can ask for."""
    containers = OwnContainers(tmp_path / "containers", runs)
    containers.enter(OURS)
    assert containers.is_gone(OURS) is gone


def test_a_container_of_another_engine_is_never_gone(tmp_path: Path) -> None:
    """Another host's runs use the same offsite repository; our engine does not know them."""
    assert not OwnContainers(tmp_path, _ended).is_gone(STRANGE)


@pytest.mark.parametrize("name", ["nas", "../0123456789ab", "0123456789abc", ""])
def test_a_machine_is_never_gone(tmp_path: Path, name: str) -> None:
    """Only a container's default name is a container's id."""
    containers = OwnContainers(tmp_path, _ended)
    containers.enter(name or "nas")
    assert list(tmp_path.iterdir()) == []
    assert not containers.is_gone(name)


def test_old_records_are_removed(tmp_path: Path) -> None:
    """The locks of a week ago have become old by themselves."""
    containers = OwnContainers(tmp_path, _ended)
    containers.enter(STRANGE)
    os.utime(tmp_path / STRANGE, (0, 0))
    containers.enter(OURS)
    assert [record.name for record in tmp_path.iterdir()] == [OURS]


def test_an_old_record_that_another_removes_first_keeps_nothing_from_being_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers that start together clean up together, and both are recorded."""
    old = [tmp_path / STRANGE, tmp_path / "00112233aabb"]
    for record in old:
        record.touch()
        os.utime(record, (0, 0))

    def listed(_directory: Path) -> Iterator[Path]:
        old[0].unlink()  # by the other one, after the listing
        return iter(old)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", listed)
        OwnContainers(tmp_path, _ended).enter(OURS)
    assert [record.name for record in tmp_path.iterdir()] == [OURS]


def test_a_record_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    """A lock of this container then has to become old before it is removed."""
    (tmp_path / "containers").touch()
    containers = OwnContainers(tmp_path / "containers", _ended)
    containers.enter(OURS)
    assert not containers.is_gone(OURS)
