"""Taking a snapshot: what is put in is what was dumped, once, always at the same path."""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps.record import RECORD_NAME, read_record
from alt_backup_assets.errors import (
    DumpFailed,
    NoDump,
    RepositoryError,
    SnapshotIncomplete,
    WrongPassword,
)
from alt_backup_assets.snapshots.take import newest_dump
from alt_backup_assets.tools.restic import Snapshot
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine, take_snapshot
from tests.unit.conftest import MakeMachine


def _staging(machine: Machine) -> list[Path]:
    staging = machine.site.state / "staging"
    return list(staging.iterdir()) if staging.exists() else []


def test_a_snapshot_holds_the_dump(machine: Machine, tmp_path: Path) -> None:
    """Data, record, the data's own time, the platform's host; and nothing stays behind."""
    machine.write(b"three rows")
    taken = machine.take()
    assert taken.is_new
    assert taken.snapshot.time == machine.clock.at.astimezone(UTC)
    assert taken.snapshot.host == "fake"
    assert _staging(machine) == []
    machine.local.restore(taken.snapshot.id, tmp_path / "back")
    assert (tmp_path / "back/data.bin").read_bytes() == b"three rows"
    assert read_record(tmp_path / "back") == taken.dump.record


def test_directories_go_in_with_their_owners(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service finds its directories its own after a restore, and not root's."""
    dump = machine.dump()
    inside = dump.directory / "deep" / "er"
    inside.mkdir(parents=True)
    owner = (4711, 4712) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(inside, *owner)
    seen: list[tuple[int, int]] = []
    backup = machine.local.backup

    def watched(path: Path, **settings: Any) -> Snapshot:  # noqa: ANN401 -- handed on
        status = (path / "deep" / "er").stat()
        seen.append((status.st_uid, status.st_gid))
        return backup(path, **settings)

    monkeypatch.setattr(machine.local, "backup", watched)
    take_snapshot(machine.site, machine.volume(), dump)
    assert seen == [owner]


def test_the_repository_is_made_when_there_is_none(machine: Machine) -> None:
    """The first snapshot of a new machine needs no step before it."""
    machine.snapshot()
    machine.clock.advance(hours=1)
    machine.snapshot()
    assert machine.local.calls[:3] == ["snapshots", "init", "backup"]
    assert machine.local.calls.count("init") == 1
    assert len(machine.local.snapshots()) == 2


def test_every_snapshot_of_a_volume_has_the_same_path(machine: Machine) -> None:
    """So retention sees one history, and another volume's is another one."""
    paths = {}
    for volume in (DB, TOKENS):
        paths[volume] = {machine.snapshot(volume).paths}
        machine.clock.advance(days=1)
        paths[volume].add(machine.snapshot(volume).paths)
    staging = machine.site.state / "staging"
    assert paths == {v: {(str(staging / v),)} for v in (DB, TOKENS)}


def test_a_dump_is_put_in_once(machine: Machine) -> None:
    """A rerun finds the snapshot by the dump's tag, and takes no other."""
    dump = machine.dump()
    first = take_snapshot(machine.site, machine.volume(), dump)
    again = take_snapshot(machine.site, machine.volume(), dump)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.snapshot == first.snapshot
    assert machine.local.calls.count("backup") == 1


def test_a_dump_that_changed_on_the_disk_is_not_put_in(machine: Machine) -> None:
    """The files are held against the hashes taken while they were written."""
    dump = machine.dump()
    (dump.directory / "data.bin").write_bytes(b"rows of db_datA")
    with pytest.raises(DumpFailed, match=r"db_data: data\.bin has sha256.*nothing was put in"):
        take_snapshot(machine.site, machine.volume(), dump)
    assert machine.local.snapshots() == ()


@pytest.mark.parametrize(
    "error", [RepositoryError("no space"), SnapshotIncomplete("1 file"), WrongPassword("no")]
)
def test_a_snapshot_that_fails_leaves_nothing_behind(
    machine: Machine, error: RepositoryError
) -> None:
    """The error is restic's, the staging directory is gone, the dump stays."""
    dump = machine.dump()
    machine.local.faults = {"backup": Fault(error)}
    with pytest.raises(type(error)):
        take_snapshot(machine.site, machine.volume(), dump)
    assert _staging(machine) == []
    assert newest_dump(machine.site, machine.volume()) == dump


def test_what_was_saved_in_part_does_not_count(machine: Machine) -> None:
    """Something incomplete is kept under the same tags; the rerun takes a whole one."""
    dump = machine.dump()
    record = (dump.directory / RECORD_NAME).read_bytes()
    tags = take_snapshot(machine.site, machine.volume(), dump).snapshot.tags
    machine.local.forget([machine.local.snapshots()[0].id])
    part = machine.site.state / "part"
    part.mkdir()
    (part / RECORD_NAME).write_bytes(record)
    machine.local.backup(part, host="fake", tags=tags, taken_at=dump.record.taken_at)
    again = take_snapshot(machine.site, machine.volume(), dump)
    assert again.is_new
    assert again.snapshot.total_bytes == dump.record.size_bytes + len(record)


def test_a_kill_after_the_snapshot_converges(machine: Machine) -> None:
    """The repository has it although nobody was told: the rerun finds it."""
    dump = machine.dump()
    machine.local.faults = {"backup": Fault(RepositoryError("killed"), after=True)}
    with pytest.raises(RepositoryError, match="killed"):
        take_snapshot(machine.site, machine.volume(), dump)
    machine.local.faults = {}
    assert not take_snapshot(machine.site, machine.volume(), dump).is_new
    assert len(machine.local.snapshots()) == 1


def test_what_a_crash_left_in_staging_is_removed(machine: Machine, tmp_path: Path) -> None:
    """It does not become part of the next snapshot."""
    left = machine.site.state / "staging" / DB
    left.mkdir(parents=True)
    (left / "stranger").write_bytes(b"half")
    taken = machine.take()
    machine.local.restore(taken.snapshot.id, tmp_path / "back")
    names = sorted(path.name for path in (tmp_path / "back").iterdir())
    assert names == ["data.bin", RECORD_NAME]
    assert _staging(machine) == []


def test_the_registrys_excludes_go_to_restic(make_machine: MakeMachine, tmp_path: Path) -> None:
    """They belong to the volume's engine."""
    machine = make_machine()
    volume = machine.volume().model_copy(update={"exclude": ("*.tmp",)})
    machine.engine.data[DB] = {"data.bin": b"rows", "work.tmp": b"junk"}
    taken = take_snapshot(machine.site, volume, machine.dump())
    machine.local.restore(taken.snapshot.id, tmp_path / "back")
    assert not (tmp_path / "back/work.tmp").exists()
    assert (tmp_path / "back/data.bin").exists()


def test_the_newest_dump_of_today_is_found(machine: Machine) -> None:
    """The last of several of one day."""
    machine.dump()
    machine.clock.advance(hours=1)
    newest = machine.dump()
    assert newest_dump(machine.site, machine.volume()) == newest


def test_a_volume_without_a_dump_has_none_to_take(machine: Machine) -> None:
    """Nothing is pretended, and the message says what to do."""
    with pytest.raises(NoDump, match=r"db_data has no dump of 2026-11-23.*materialise the dump"):
        newest_dump(machine.site, machine.volume())


def test_yesterdays_dump_is_not_todays(machine: Machine) -> None:
    """An old dump put in today would look fresh."""
    machine.dump()
    machine.clock.advance(days=1)
    with pytest.raises(NoDump, match="no dump of 2026-11-24"):
        newest_dump(machine.site, machine.volume())
