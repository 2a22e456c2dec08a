"""The hot tier: a dump appears whole, and leaves only when nothing is lost by it."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from alt_backup_assets.dumps import store as store_module
from alt_backup_assets.dumps.record import RECORD_NAME, DumpRecord
from alt_backup_assets.dumps.store import DumpStore, StoredDump
from alt_backup_assets.dumps.take import store
from tests.fakes.site import DB, TOKENS, Machine

WEEK = timedelta(days=7)


def _dumps(machine: Machine, count: int) -> list[str]:
    """Take a dump a day and return their ids, oldest first."""
    ids = []
    for _ in range(count):
        ids.append(machine.dump().record.dump_id)
        machine.clock.advance(days=1)
    return ids


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump(TOKENS).record.model_copy(update={"volume": DB, "dump_id": "new"})


def test_a_dump_appears_when_all_of_it_is_there(
    machine: Machine, record: DumpRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one rename, of a directory that holds the record already."""
    dumps = store(machine.site)
    seen: list[list[str]] = []
    rename = Path.rename

    def watch(incoming: Path, final: Path) -> Path:
        seen.append(_names(incoming))
        assert dumps.dumps(DB) == ()
        return rename(incoming, final)

    monkeypatch.setattr(Path, "rename", watch)
    with dumps.incoming(DB) as directory:
        (directory / "data.bin").write_bytes(b"rows")
        assert dumps.dumps(DB) == ()
        kept = dumps.keep(directory, record)
    assert seen == [["data.bin", RECORD_NAME]]
    assert dumps.dumps(DB) == (kept,)
    assert kept == StoredDump(record, machine.site.state / "dumps" / DB / "new")
    assert _names(kept.directory.parent) == ["new"]


def test_a_dump_that_appeared_survives_a_power_cut(
    machine: Machine, record: DumpRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record and directory are on the disk before the rename, the rename before it is told."""
    synced: list[int] = []
    with store(machine.site).incoming(DB) as directory, monkeypatch.context() as watched:
        watched.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
        kept = store(machine.site).keep(directory, record).directory
    assert synced == [path.stat().st_ino for path in (kept / RECORD_NAME, kept, kept.parent)]


def test_what_is_not_kept_leaves_nothing(machine: Machine) -> None:
    """An incoming directory that nobody keeps is gone, whatever ended it."""
    dumps = store(machine.site)
    with pytest.raises(FileNotFoundError), dumps.incoming(DB) as directory:
        (directory / "gone" / "data.bin").write_bytes(b"half")
    assert _names(machine.site.state / "dumps" / DB) == []


def test_what_a_crash_left_is_removed(machine: Machine) -> None:
    """The next holder of the volume's lock cleans up, and no other volume's."""
    home = machine.site.state / "dumps"
    for volume in (DB, TOKENS):
        (home / volume / ".incoming-dead").mkdir(parents=True)
        (home / volume / ".incoming-dead" / "data.bin").write_bytes(b"half")
    machine.dump(DB)
    assert ".incoming-dead" not in _names(home / DB)
    assert ".incoming-dead" in _names(home / TOKENS)


def test_what_a_crash_left_is_never_a_dump(machine: Machine) -> None:
    """Half a dump is neither listed nor counted as damaged."""
    home = machine.site.state / "dumps" / DB
    (home / ".incoming-dead").mkdir(parents=True)
    assert store(machine.site).dumps(DB) == ()
    assert store(machine.site).damaged(DB) == ()


def test_dumps_are_closed_to_others(machine: Machine) -> None:
    """Directories 0700, whatever the umask."""
    dump = machine.dump()
    for directory in (dump.directory, dump.directory.parent, dump.directory.parent.parent):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_dumps_are_listed_oldest_first(machine: Machine) -> None:
    """Their names are in the order of time; a volume without any has none."""
    ids = _dumps(machine, 3)
    assert [dump.record.dump_id for dump in store(machine.site).dumps(DB)] == ids
    assert store(machine.site).dumps(TOKENS) == ()


def test_the_dump_before_is_found(machine: Machine) -> None:
    """The one taken last before it; the first has none."""
    _dumps(machine, 3)
    dumps = store(machine.site)
    first, second, third = dumps.dumps(DB)
    assert (dumps.before(third), dumps.before(second), dumps.before(first)) == (second, first, None)


def test_a_damaged_dump_shows_and_is_in_nobodys_way(machine: Machine) -> None:
    """It is no dump any more, it is named, and a new one is taken all the same."""
    old = machine.dump()
    (old.directory / RECORD_NAME).write_text("{")
    machine.clock.advance(hours=1)
    new = machine.dump()
    assert store(machine.site).dumps(DB) == (new,)
    assert store(machine.site).newest(DB) == new
    assert store(machine.site).damaged(DB) == (old.directory,)


def test_a_dump_that_expires_while_it_is_read_is_not_damaged(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers take no lock: what is gone by then is no dump, and no damage either."""
    _dumps(machine, 2)
    gone, stays = store(machine.site).dumps(DB)
    read = store_module._read

    def expire(directory: Path) -> StoredDump | None:
        if directory == gone.directory:
            shutil.rmtree(directory)
        return read(directory)

    monkeypatch.setattr(store_module, "_read", expire)
    shelf = store(machine.site).shelf(DB)
    assert (shelf.dumps, shelf.damaged) == ((stays,), ())


def test_the_newest_dump_is_the_newest_sound_one(machine: Machine) -> None:
    """A damaged one behind it does not hide it, and without any there is none."""
    assert store(machine.site).newest(DB) is None
    sound = machine.dump()
    machine.clock.advance(hours=1)
    (machine.dump().directory / RECORD_NAME).write_text("{")
    assert store(machine.site).newest(DB) == sound


def test_old_dumps_that_are_held_expire(machine: Machine) -> None:
    """Those older than the limit, and no other one."""
    ids = _dumps(machine, 10)
    now = machine.clock.at
    removed = store(machine.site).expire(DB, keep=WEEK, now=now, held=ids)
    assert removed == tuple(ids[:3])
    assert [dump.record.dump_id for dump in store(machine.site).dumps(DB)] == ids[3:]


def test_a_dump_no_snapshot_holds_never_expires(machine: Machine) -> None:
    """However old it is: it is the only copy of its data."""
    ids = _dumps(machine, 3)
    machine.clock.advance(days=400)
    removed = store(machine.site).expire(DB, keep=WEEK, now=machine.clock.at, held=ids[1:])
    assert removed == (ids[1],)
    assert ids[0] in [dump.record.dump_id for dump in store(machine.site).dumps(DB)]


def test_the_newest_dump_never_expires(machine: Machine) -> None:
    """Where no new one is made any more, the last good one stays for ever."""
    ids = _dumps(machine, 1)
    machine.clock.advance(days=400)
    now = machine.clock.at
    assert store(machine.site).expire(DB, keep=timedelta(0), now=now, held=ids) == ()
    assert len(store(machine.site).dumps(DB)) == 1


def test_the_newest_sound_dump_never_expires(machine: Machine) -> None:
    """A damaged newer one does not make the last good one dispensable."""
    ids = _dumps(machine, 2)
    newest = store(machine.site).dumps(DB)[-1]
    (newest.directory / RECORD_NAME).unlink()
    machine.clock.advance(days=400)
    now = machine.clock.at
    assert store(machine.site).expire(DB, keep=WEEK, now=now, held=ids) == ()


def test_an_expiry_that_is_killed_leaves_no_damaged_dump(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record went first, and the rest stayed; the next expiry removes it."""
    ids = _dumps(machine, 3)
    dumps, now = store(machine.site), machine.clock.at + WEEK

    def die(directory: Path) -> None:
        (directory / RECORD_NAME).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            dumps.expire(DB, keep=WEEK, now=now, held=ids)
    assert dumps.damaged(DB) == ()
    with dumps.incoming(DB):
        assert dumps.damaged(DB) == ()
    assert dumps.expire(DB, keep=WEEK, now=now, held=ids) == ()
    assert _names(machine.site.state / "dumps" / DB) == ids[2:]


def test_a_dump_that_cannot_be_removed_is_in_nobodys_way(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every expiry says so, and a new dump is taken all the same."""
    ids = _dumps(machine, 2)
    dumps, now = store(machine.site), machine.clock.at + WEEK
    rmtree = shutil.rmtree

    def refuse(directory: Path) -> None:
        if ids[0] in directory.name:
            raise PermissionError(directory)
        rmtree(directory)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    for _ in range(2):
        with pytest.raises(PermissionError):
            dumps.expire(DB, keep=WEEK, now=now, held=ids)
    assert machine.dump() in dumps.dumps(DB)


def test_a_dry_run_removes_nothing(machine: Machine) -> None:
    """It names what would go, and all stays."""
    ids = _dumps(machine, 10)
    dumps = store(machine.site)
    now = machine.clock.at
    assert dumps.expire(DB, keep=WEEK, now=now, held=ids, dry_run=True) == tuple(ids[:3])
    assert len(dumps.dumps(DB)) == 10


def test_an_empty_store_has_nothing_to_expire(tmp_path: Path, machine: Machine) -> None:
    """A volume that was never dumped is no error."""
    dumps = DumpStore(tmp_path / "nowhere")
    assert dumps.expire(DB, keep=WEEK, now=machine.clock.at, held=()) == ()
