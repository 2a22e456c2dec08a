"""A preview finds what a dump would meet, and makes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.preview import preview
from alt_backup_assets.registry.volume import Volume
from tests.fakes.site import ENGINE, Machine
from tests.unit.dumps.test_take import Usage

FILES = Volume(name="logs", service="log", engine="files", category="data")


def test_a_preview_of_a_first_dump_makes_nothing(machine: Machine, tmp_path: Path) -> None:
    """The service is found, nothing is in its way, and not even a directory was made."""
    machine.platform.add("db")
    found = preview(machine.site, machine.volume())
    assert (found.source, found.last, found.problem) == ("db (fake)", None, None)
    assert found.free_bytes > 0
    assert list(tmp_path.iterdir()) == []
    assert machine.engine.dumped == []


def test_a_preview_knows_the_last_dump(machine: Machine) -> None:
    """The newest of those on the disk."""
    machine.dump()
    machine.clock.advance(hours=1)
    newest = machine.dump()
    assert preview(machine.site, machine.volume()).last == newest.record


def test_files_come_from_a_directory(machine: Machine, tmp_path: Path) -> None:
    """Which is shown."""
    machine.platform.volumes["logs"] = tmp_path
    assert preview(machine.site, FILES).source == str(tmp_path)


def test_a_service_that_is_not_there_is_a_problem(machine: Machine) -> None:
    """Before the dump fails over it."""
    found = preview(machine.site, machine.volume())
    assert found.source is None
    assert "no service `db`" in str(found.problem)


def test_a_volume_that_is_not_there_is_a_problem(machine: Machine) -> None:
    """The same for its files."""
    assert "no volume `logs`" in str(preview(machine.site, FILES).problem)


def test_an_engine_without_a_driver_is_a_problem(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume would not be backed up."""
    monkeypatch.delitem(DRIVERS, ENGINE)
    assert "NOT backed up" in str(preview(machine.site, machine.volume()).problem)


def test_too_little_room_is_a_problem(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured against the last dump's size."""
    machine.platform.add("db")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 40, 0, 1 << 20))
    found = preview(machine.site, machine.volume())
    assert (found.source, found.free_bytes) == ("db (fake)", 1 << 20)
    assert "1 MiB free" in str(found.problem)
