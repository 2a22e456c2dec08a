"""A dump is spared only for certain, and then says how long its data stood."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alt_backup_assets.dumps.record import RECORD_NAME, DumpRecord
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import store
from alt_backup_assets.dumps.unchanged import WATCHED, unchanged_dump
from alt_backup_assets.errors import AltBackupError, RepositoryError, ServiceNotFound, ToolFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.status.read import read_status
from tests.fakes.restic import Fault
from tests.fakes.site import DB, ENGINE, TOKENS, Machine


class Source:
    """What watches the source of a volume: it says what it is told to, and who was looked at."""

    def __init__(self) -> None:
        self.unchanged = True
        self.error: AltBackupError | None = None
        self.looked_at: list[str] = []

    def __call__(self, volume: Volume, platform: Platform, record: DumpRecord) -> bool:
        """Answer as scripted."""
        assert platform.name == record.platform
        self.looked_at.append(volume.name)
        if self.error:
            raise self.error
        return self.unchanged


@pytest.fixture(name="source")
def _source(monkeypatch: pytest.MonkeyPatch) -> Source:
    source = Source()
    monkeypatch.setitem(WATCHED, ENGINE, source)
    return source


def _look(machine: Machine, volume: str = DB) -> StoredDump | None:
    return unchanged_dump(machine.site, machine.volume(volume), day=machine.site.today)


def _confirmation(dump: StoredDump) -> Path:
    return dump.directory.with_name(f"{dump.record.dump_id}.unchanged.json")


def _spared(machine: Machine, hours: int) -> tuple[StoredDump, datetime]:
    """Take a dump, look again some hours later, and return it with the time of the look."""
    machine.dump()
    machine.clock.advance(hours=hours)
    dump = _look(machine)
    assert dump is not None
    return dump, machine.clock.at


def test_an_unchanged_source_renews_the_time_of_its_dump(machine: Machine, source: Source) -> None:
    """On the disk, for every later reader; the dump itself and its record stay as they were."""
    taken = machine.dump()
    machine.clock.advance(hours=2)
    dump = _look(machine)
    assert dump is not None
    assert (dump.record, dump.directory) == (taken.record, taken.directory)
    assert dump.data_at == dump.unchanged_at == taken.record.taken_at + timedelta(hours=2)
    assert store(machine.site).dumps(DB) == (dump,)
    assert store(machine.site).newest(DB) == dump
    assert source.looked_at == [DB]
    assert sorted(path.name for path in dump.directory.iterdir()) == ["data.bin", RECORD_NAME]


def test_a_source_that_changed_is_dumped(machine: Machine, source: Source) -> None:
    """Nothing is renewed."""
    machine.dump()
    source.unchanged = False
    assert _look(machine) is None
    newest = store(machine.site).newest(DB)
    assert newest is not None
    assert newest.unchanged_at is None


@pytest.mark.parametrize("error", [ServiceNotFound("gone"), ToolFailed("psql exited with 2", 2)])
def test_a_source_that_cannot_be_asked_is_dumped(
    machine: Machine, source: Source, error: AltBackupError
) -> None:
    """And the dump tells what is wrong."""
    machine.dump()
    source.error = error
    assert _look(machine) is None


def test_without_a_dump_there_is_nothing_to_spare(machine: Machine, source: Source) -> None:
    """The source is not even looked at."""
    assert _look(machine) is None
    assert source.looked_at == []


@pytest.mark.usefixtures("source")
def test_every_day_has_a_dump_of_its_own(machine: Machine) -> None:
    """Yesterday's is not renewed: a backup day is a partition."""
    machine.dump()
    machine.clock.advance(days=1)
    assert _look(machine) is None


def test_an_engine_that_cannot_tell_is_dumped(machine: Machine) -> None:
    """Nobody watches it."""
    machine.dump()
    assert _look(machine) is None


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "record"])
def test_a_dump_that_is_not_whole_is_not_renewed(machine: Machine, damage: str) -> None:
    """What stands on the disk is held against the hashes it was written with."""
    directory = machine.dump().directory
    data = directory / "data.bin"
    if damage == "changed":
        data.write_bytes(data.read_bytes()[:-1] + b"X")
    elif damage == "cut":
        data.write_bytes(data.read_bytes()[:-1])
    elif damage == "gone":
        data.unlink()
    else:
        machine.clock.advance(hours=1)
        (machine.dump().directory / RECORD_NAME).write_text("{}")
    assert _look(machine) is None


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("said", ["", "{", '{"dump_id": "another", "unchanged_at": "%s"}'])
def test_a_confirmation_that_is_damaged_confirms_nothing(machine: Machine, said: str) -> None:
    """The dump counts with its own time, as if nobody had looked."""
    dump, at = _spared(machine, hours=2)
    _confirmation(dump).write_text(said.replace("%s", at.isoformat()))
    newest = store(machine.site).newest(DB)
    assert newest is not None
    assert (newest.unchanged_at, newest.data_at) == (None, dump.record.taken_at)


@pytest.mark.usefixtures("source")
def test_a_confirmation_never_makes_a_dump_older(machine: Machine) -> None:
    """A clock that was set back renews nothing."""
    dump, _ = _spared(machine, hours=-2)
    assert dump.data_at == dump.record.taken_at


@pytest.mark.usefixtures("source")
def test_an_expired_dump_takes_its_confirmation_along(machine: Machine) -> None:
    """And what an earlier crash left half written goes with the next dump."""
    dump, at = _spared(machine, hours=2)
    left = dump.directory.parent / "half.new"
    left.write_text("{")
    machine.clock.advance(days=9)
    machine.dump()
    held = {dump.record.dump_id}
    store(machine.site).expire(DB, keep=timedelta(days=7), now=machine.clock.at, held=held)
    assert at < machine.clock.at
    assert [path.is_dir() for path in dump.directory.parent.iterdir()] == [True]


def test_only_a_run_that_is_asked_to_spares(machine: Machine, source: Source) -> None:
    """The daily run always dumps anew."""
    machine.back_up()
    machine.clock.advance(hours=1)
    machine.back_up()
    assert machine.engine.dumped.count(DB) == 2
    assert source.looked_at == []


def test_a_sparing_run_ends_with_the_renewed_dump(machine: Machine, source: Source) -> None:
    """It says so; a source that changed is dumped in the very same run."""
    machine.back_up(snapshots=())
    machine.clock.advance(hours=1)
    ended = machine.back_up(snapshots=(), spare_unchanged=True)
    dump = ended[DB].dump
    assert dump is not None
    assert (ended[DB].error, dump.unchanged_at) == (None, machine.clock.at)
    assert machine.engine.dumped.count(DB) == 1
    source.unchanged = False
    again = machine.back_up(snapshots=(), spare_unchanged=True)[DB].dump
    assert again is not None
    assert (machine.engine.dumped.count(DB), again.unchanged_at) == (2, None)


@pytest.mark.usefixtures("source")
def test_the_snapshot_of_a_spared_dump_must_be_listed(machine: Machine) -> None:
    """One that is there is found; one that is gone is taken again, of the same dump."""
    first = machine.back_up()[DB].snapshot
    machine.clock.advance(hours=1)
    found = machine.back_up(spare_unchanged=True)[DB].snapshot
    assert first is not None
    assert found is not None
    assert (found.is_new, found.snapshot) == (False, first.snapshot)
    machine.local.forget([first.snapshot.id])
    taken = machine.back_up(spare_unchanged=True)[DB].snapshot
    assert taken is not None
    assert (taken.is_new, taken.dump.record) == (True, first.dump.record)
    machine.local.forget([taken.snapshot.id])
    machine.local.faults = {"backup": Fault(RepositoryError("no space left"))}
    assert machine.back_up(spare_unchanged=True)[DB].error == "no space left"


@pytest.mark.usefixtures("source")
def test_the_status_counts_from_the_renewed_time(machine: Machine) -> None:
    """Of that volume alone, and only while the confirmation can be read."""
    machine.back_up()
    machine.clock.advance(hours=1)
    dump = machine.back_up(dumps=[DB], snapshots=[], spare_unchanged=True)[DB].dump
    machine.clock.advance(hours=1)
    assert dump is not None
    ages = {volume.name: volume.age_seconds for volume in read_status(machine.site).volumes}
    assert ages == {DB: 3600, TOKENS: 7200}
    _confirmation(dump).write_text("{")
    ages = {volume.name: volume.age_seconds for volume in read_status(machine.site).volumes}
    assert ages == {DB: 7200, TOKENS: 7200}
