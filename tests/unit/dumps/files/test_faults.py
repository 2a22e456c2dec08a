"""Volumes of plain files that are empty, unreadable, or change while they are read."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DumpFailed, VolumeUnreadable
from tests.fakes.files import VolumeOfFiles, entry_of, volume_in
from tests.fakes.site import Machine

NOBODY = 65534


@pytest.fixture(name="volume")
def _volume(tmp_path: Path) -> VolumeOfFiles:
    return volume_in(tmp_path)


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump().record


@pytest.mark.parametrize("inside", ["", "empty/directory"])
def test_an_empty_volume_is_refused(volume: VolumeOfFiles, inside: str) -> None:
    """A volume that lost its files must not become the newest good dump."""
    (volume.source / inside).mkdir(parents=True, exist_ok=True)
    with pytest.raises(DumpFailed, match=r"holds no file: .*is the right directory mounted\?"):
        volume.dump()


def test_a_volume_that_is_not_here_is_refused(volume: VolumeOfFiles) -> None:
    """Unknown to the platform, or gone from the disk."""
    volume.write("file")
    shutil.rmtree(volume.source)
    with pytest.raises(DumpFailed, match="No such file"):
        volume.dump()
    volume.platform.volumes.clear()
    with pytest.raises(VolumeUnreadable):
        volume.dump()


@contextmanager
def _as_nobody() -> Iterator[Path]:
    """Work without root's power to read everything, in a directory of that user."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        directory = Path(mkdtemp())
        try:
            yield directory
        finally:
            shutil.rmtree(directory)
    finally:
        if was_root:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["token.json", "sub/token.json"])
def test_a_file_that_cannot_be_read_fails_the_dump(name: str) -> None:
    """It is named; a dump without it is not taken for a dump of the volume."""
    with _as_nobody() as directory:
        volume = volume_in(directory)
        volume.write("readable")
        volume.write(name, mode=0o000)
        with pytest.raises(VolumeUnreadable, match=rf"cannot read .*{name}: Permission denied"):
            volume.dump()


def test_a_directory_that_cannot_be_read_fails_the_dump() -> None:
    """What is in it is unknown, and unknown is not empty."""
    with _as_nobody() as directory:
        volume = volume_in(directory)
        volume.write("readable")
        closed = volume.source / "closed"
        closed.mkdir(mode=0o000)
        with pytest.raises(VolumeUnreadable, match="closed: Permission denied"):
            volume.dump()
        closed.chmod(0o700)


def _while_reading(monkeypatch: pytest.MonkeyPatch, path: Path, change: object) -> None:
    """Change a file between the first bytes read of it and the last."""
    assert callable(change)
    real = os.fstat
    inode = path.stat().st_ino
    done = threading.Event()

    def fstat(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if status.st_ino == inode and not done.is_set():
            done.set()
            change(path)
        return status

    monkeypatch.setattr(os, "fstat", fstat)


def _append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def _overwrite(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"D")
    os.utime(path, ns=(10**18, 10**18))


@pytest.mark.parametrize("change", [_append, _overwrite, lambda path: os.truncate(path, 1)])
def test_a_file_that_changes_while_it_is_read_is_marked(
    volume: VolumeOfFiles, monkeypatch: pytest.MonkeyPatch, change: object
) -> None:
    """Longer, shorter or rewritten: it is in the dump, and its content is not vouched for."""
    busy = volume.write("busy.log")
    volume.write("quiet")
    _while_reading(monkeypatch, busy, change)
    content = volume.dump()
    assert entry_of(content, "busy.log").changed
    assert not entry_of(content, "quiet").changed
    assert content.counts()["changed_while_read"] == 1


def test_the_manifest_is_of_the_bytes_that_were_copied(
    volume: VolumeOfFiles, monkeypatch: pytest.MonkeyPatch, record: DumpRecord
) -> None:
    """Even of a file that changed: the hash is that of the copy, not of a second reading."""
    busy = volume.write("busy.log")
    _while_reading(monkeypatch, busy, _append)
    content = volume.dump()
    monkeypatch.undo()
    busy.write_bytes(b"something else")
    again = files.rehearse(record, volume.directory, volume.platform)
    assert entry_of(again, "busy.log").content == entry_of(content, "busy.log").content


def test_a_file_that_goes_away_before_it_is_read_is_named(
    volume: VolumeOfFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes live; what was there for a moment only does not fail the dump."""
    volume.write("file")
    gone = volume.write("temporary")
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        status = real(path)
        if path == gone:
            gone.unlink()
        return status

    monkeypatch.setattr(Path, "lstat", lstat)
    content = volume.dump()
    assert [entry.path for entry in content.entries] == ["file"]
    assert content.skipped == ("temporary",)


def test_a_disk_that_is_full_fails_the_dump(
    volume: VolumeOfFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a failed dump with the disk's own words."""
    volume.write("file")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device", "file")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DumpFailed, match="No space left on device"):
        volume.dump()
