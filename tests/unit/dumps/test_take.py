"""Taking a dump: of today, once per run, with room for it, and all or nothing."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.record import RECORD_NAME, read_record
from alt_backup_assets.dumps.take import require_space, store, take_dump
from alt_backup_assets.errors import (
    DayIsOver,
    DumpFailed,
    EngineNotSupported,
    NotEnoughSpace,
    ServiceVanished,
    ToolFailed,
)
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from tests.fakes.site import DB, ENGINE, Machine

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 -- shutil's own shape


def _entries(machine: Machine) -> list[Path]:
    return sorted((machine.site.state / "dumps" / DB).iterdir())


def test_a_dump_is_complete_and_on_the_disk(machine: Machine) -> None:
    """Named by its data time, with its record, and listed."""
    dump = machine.dump()
    assert dump.record.dump_id == "20261123T120000.000000Z"
    assert sorted(path.name for path in dump.directory.iterdir()) == ["data.bin", RECORD_NAME]
    assert store(machine.site).dumps(DB) == (dump,)


def test_the_size_of_the_live_data_is_in_the_record(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the room a drill needs; where the engine does not know it, nobody does."""
    assert machine.dump().record.data_bytes is None
    dump = machine.engine.dump

    def sized(volume: Volume, platform: Platform, directory: Path) -> Dumped:
        return replace(dump(volume, platform, directory), data_bytes=7 << 30)

    monkeypatch.setattr(machine.engine, "dump", sized)
    machine.clock.advance(hours=1)
    taken = machine.dump()
    assert read_record(taken.directory).data_bytes == 7 << 30


def test_the_backup_day_is_the_configured_zones(machine: Machine) -> None:
    """At 16:00 UTC it is the next day in Tokyo."""
    machine.clock.advance(hours=4)
    assert machine.dump().record.backup_day == date(2026, 11, 24)


@pytest.mark.parametrize("days", [-1, 1, -365])
def test_another_day_cannot_be_dumped(machine: Machine, days: int) -> None:
    """Yesterday's data is not there any more; the message says what to do instead."""
    day = machine.site.today + timedelta(days=days)
    with pytest.raises(DayIsOver, match=rf"{day} is not today .*Asia/Tokyo.*Materialise today"):
        take_dump(machine.site, machine.volume(), day=day)
    assert machine.engine.dumped == []


def test_a_rerun_of_the_same_run_takes_no_second_dump(machine: Machine) -> None:
    """What the interrupted run finished is found, not made again."""
    first = machine.dump(root_run="run-1")
    machine.clock.advance(hours=1)
    assert machine.dump(root_run="run-1") == first
    assert machine.engine.dumped == [DB]


@pytest.mark.parametrize("root_run", [None, "run-2"])
def test_another_run_takes_its_own(machine: Machine, root_run: str | None) -> None:
    """Two runs of one day are two recovery points; outside Dagster every one is."""
    machine.dump(root_run=None if root_run is None else "run-1")
    machine.clock.advance(hours=1)
    machine.dump(root_run=root_run)
    assert len(store(machine.site).dumps(DB)) == 2


def test_an_engine_without_a_driver_makes_no_dump(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume is named as not backed up, and nothing is pretended."""
    monkeypatch.delitem(DRIVERS, ENGINE)
    with pytest.raises(EngineNotSupported):
        machine.dump()
    assert store(machine.site).dumps(DB) == ()


@pytest.mark.parametrize(
    "error",
    [
        ToolFailed("pg_dump exited with 1", 1),
        DumpFailed("data.bin is empty"),
        ServiceVanished("db stopped"),
        KeyboardInterrupt(),
        ZeroDivisionError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failed_dump_leaves_nothing_and_the_old_one_stays(
    machine: Machine, error: BaseException
) -> None:
    """Whatever the engine ends with, the last good dump is the newest one."""
    good = machine.dump()
    machine.clock.advance(hours=1)
    machine.engine.dump_errors[DB].append(error)
    with pytest.raises(type(error)):
        machine.dump()
    assert _entries(machine) == [good.directory]
    assert store(machine.site).dumps(DB) == (good,)


def test_a_kill_in_the_middle_is_cleaned_up_by_the_next(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process removes nothing; its half is no dump, and the rerun takes a whole one."""
    machine.engine.dump_errors[DB].append(KeyboardInterrupt())
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda _path: None)
        with pytest.raises(KeyboardInterrupt):
            machine.dump(root_run="run-1")
    (half,) = _entries(machine)
    assert (half / "data.bin").exists()
    assert store(machine.site).dumps(DB) == ()
    dump = machine.dump(root_run="run-1")
    assert _entries(machine) == [dump.directory]


def test_a_kill_before_the_rename_leaves_no_dump(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is written and nothing has appeared: the dump does not exist."""

    def killed(_incoming: Path, _final: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as moment:
        moment.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            machine.dump()
    assert store(machine.site).dumps(DB) == ()
    assert machine.dump() in store(machine.site).dumps(DB)


def test_a_dump_of_nothing_is_refused(machine: Machine) -> None:
    """An engine that wrote no byte and reports success made no dump."""
    good = machine.dump()
    machine.clock.advance(hours=1)
    machine.engine.data[DB] = {}
    with pytest.raises(DumpFailed, match="not one byte was written"):
        machine.dump()
    assert _entries(machine) == [good.directory]


def _free(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 40, 0, free_bytes))


def test_too_little_room_is_refused_before_anything_is_written(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both numbers, and the old dump as it was."""
    good = machine.dump()
    _free(monkeypatch, 1 << 20)
    with pytest.raises(NotEnoughSpace, match=r"dump of db_data needs about 0 MiB.* 1 MiB free"):
        machine.dump()
    assert machine.engine.dumped == [DB]
    assert _entries(machine) == [good.directory]


@pytest.mark.parametrize(("free_mib", "enough"), [(1164, True), (1163, False), (0, False)])
def test_room_is_the_last_dump_and_a_tenth_and_some_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, enough: bool
) -> None:
    """1000 MiB need 1100 and 64 more; exactly that is enough."""
    _free(monkeypatch, free_mib << 20)
    try:
        require_space(tmp_path, 1000 << 20, "the dump")
    except NotEnoughSpace:
        assert not enough
    else:
        assert enough


def test_the_lock_is_the_callers(machine: Machine) -> None:
    """Several volumes are dumped under their own locks, which a dump does not take."""
    with machine.site.lock(DB):
        assert machine.dump().record.volume == DB
