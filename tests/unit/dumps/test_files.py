"""Volumes of plain files, on real directories: the copy is the source, and its manifest too."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from alt_backup_assets.dumps import files
from alt_backup_assets.dumps.files_content import FileEntry, FilesContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DumpFailed, VolumeUnreadable
from alt_backup_assets.registry.volume import Volume
from tests.fakes.platform import FakePlatform
from tests.fakes.site import Machine

VOLUME = Volume(name="oauth_token_data", service="auth", engine="files", category="data")
NOBODY = 65534


@dataclass
class _Files:
    """A volume on the disk, and an empty directory for its dump."""

    source: Path
    directory: Path
    platform: FakePlatform

    def write(self, name: str, data: bytes = b"data", mode: int = 0o640) -> Path:
        """Put a file into the volume."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def dump(self) -> FilesContent:
        """Dump it and return its manifest."""
        content = files.dump(VOLUME, self.platform, self.directory).content
        assert isinstance(content, FilesContent)
        return content

    @property
    def copy(self) -> Path:
        """Where the dump has the files."""
        return self.directory / files.TREE


@pytest.fixture(name="volume")
def _volume(tmp_path: Path) -> _Files:
    return _in(tmp_path)


def _in(directory: Path) -> _Files:
    platform = FakePlatform()
    source = platform.volumes[VOLUME.name] = directory / "volume"
    for made in (source, directory / "dump"):
        made.mkdir()
    return _Files(source, directory / "dump", platform)


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump().record


def _entry(content: FilesContent, path: str) -> FileEntry:
    return next(entry for entry in content.entries if entry.path == path)


def test_the_copy_is_the_source(volume: _Files, record: DumpRecord) -> None:
    """Names, bytes, modes, times, links and empty directories; the copy's manifest is equal."""
    volume.write("token.json", b"secret", 0o600)
    volume.write("deep/er/é ü.log", b"line\n" * 1000)
    volume.write("empty", b"")
    (volume.source / "hollow").mkdir(mode=0o750)
    (volume.source / "latest").symlink_to("token.json")
    os.utime(volume.source / "token.json", ns=(10**18, 10**18))
    content = volume.dump()
    assert (volume.copy / "deep/er/é ü.log").read_bytes() == b"line\n" * 1000
    assert (volume.copy / "token.json").stat().st_mtime_ns == 10**18
    assert (volume.copy / "latest").readlink() == Path("token.json")
    again = files.rehearse(record, volume.directory, volume.platform)
    assert again == content
    assert content.differences(again) == ()
    assert [(entry.path, entry.kind) for entry in content.entries] == [
        ("deep", "directory"),
        ("deep/er", "directory"),
        ("deep/er/é ü.log", "file"),
        ("empty", "file"),
        ("hollow", "directory"),
        ("latest", "link"),
        ("token.json", "file"),
    ]


def test_a_directory_keeps_its_mode_and_time(volume: _Files) -> None:
    """Though files were written into it, and though nobody may write into it."""
    volume.write("closed/file")
    closed = volume.source / "closed"
    closed.chmod(0o555)
    os.utime(closed, ns=(10**18, 10**18))
    try:
        volume.dump()
        status = (volume.copy / "closed").stat()
        assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o555, 10**18)
    finally:
        for directory in (closed, volume.copy / "closed"):
            directory.chmod(0o755)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o4755, 0o1777])
def test_a_file_keeps_its_mode(volume: _Files, mode: int) -> None:
    """Set-user-id and sticky bits as well, in the copy and in the manifest."""
    volume.write("program", mode=mode)
    content = volume.dump()
    assert (volume.copy / "program").stat().st_mode & 0o7777 == mode
    assert _entry(content, "program").mode == mode


def test_an_owner_is_recorded_and_kept_where_we_may(volume: _Files) -> None:
    """A restore by root gives every file to whom it belonged; otherwise it is at least known."""
    path = volume.write("token.json")
    if os.geteuid() == 0:
        os.chown(path, 1234, 5678)
    content = volume.dump()
    status, copied = path.stat(), (volume.copy / "token.json").stat()
    assert _entry(content, "token.json").owner == f"{status.st_uid}:{status.st_gid}"
    assert (copied.st_uid, copied.st_gid) == (status.st_uid, status.st_gid)


@pytest.mark.parametrize(
    "change",
    [
        lambda copy: (copy / "token.json").write_bytes(b"SECRET"),
        lambda copy: (copy / "token.json").write_bytes(b""),
        lambda copy: (copy / "token.json").unlink(),
        lambda copy: (copy / "token.json").chmod(0o666),
        lambda copy: (copy / "stranger").write_bytes(b"x"),
        lambda copy: (copy / "latest").unlink(),
        lambda copy: shutil.rmtree(copy / "sub"),
    ],
    ids=["other bytes", "emptied", "removed", "other mode", "added", "no link", "no directory"],
)
def test_whatever_happens_to_a_copy_shows(
    volume: _Files, record: DumpRecord, change: object
) -> None:
    """The rehearsal reads what came back, and it is not what was recorded."""
    volume.write("token.json", b"secret", 0o600)
    (volume.source / "sub").mkdir()
    (volume.source / "latest").symlink_to("token.json")
    content = volume.dump()
    assert callable(change)
    change(volume.copy)
    again = files.rehearse(record, volume.directory, volume.platform)
    assert len(content.differences(again)) == 1


def test_a_link_is_not_followed(volume: _Files, tmp_path: Path) -> None:
    """Neither to a file outside nor around in a circle."""
    volume.write("file")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"not ours")
    (volume.source / "away").symlink_to(tmp_path / "outside")
    (volume.source / "circle").symlink_to(".")
    (volume.source / "dangling").symlink_to("nowhere")
    content = volume.dump()
    assert [entry.path for entry in content.entries] == ["away", "circle", "dangling", "file"]
    assert _entry(content, "away").content == str(tmp_path / "outside")


def test_what_holds_no_data_is_left_out_and_named(volume: _Files) -> None:
    """A pipe is not read, which would wait for ever; a socket cannot be."""
    volume.write("file")
    os.mkfifo(volume.source / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        at = f"/proc/self/fd/{os.open(volume.source, os.O_RDONLY)}/socket"
        listening.bind(at)
        os.close(int(at.split("/")[4]))
        content = volume.dump()
    assert content.skipped == ("pipe", "socket")
    assert [path.name for path in volume.copy.iterdir()] == ["file"]


@pytest.mark.parametrize("inside", ["", "empty/directory"])
def test_an_empty_volume_is_refused(volume: _Files, inside: str) -> None:
    """A volume that lost its files must not become the newest good dump."""
    (volume.source / inside).mkdir(parents=True, exist_ok=True)
    with pytest.raises(DumpFailed, match=r"holds no file: .*is the right directory mounted\?"):
        volume.dump()


def test_a_volume_that_is_not_here_is_refused(volume: _Files) -> None:
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
        volume = _in(directory)
        volume.write("readable")
        volume.write(name, mode=0o000)
        with pytest.raises(VolumeUnreadable, match=rf"cannot read .*{name}: Permission denied"):
            volume.dump()


def test_a_directory_that_cannot_be_read_fails_the_dump() -> None:
    """What is in it is unknown, and unknown is not empty."""
    with _as_nobody() as directory:
        volume = _in(directory)
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
    volume: _Files, monkeypatch: pytest.MonkeyPatch, change: object
) -> None:
    """Longer, shorter or rewritten: it is in the dump, and its content is not vouched for."""
    busy = volume.write("busy.log")
    volume.write("quiet")
    _while_reading(monkeypatch, busy, change)
    content = volume.dump()
    assert _entry(content, "busy.log").changed
    assert not _entry(content, "quiet").changed
    assert content.counts()["changed_while_read"] == 1


def test_the_manifest_is_of_the_bytes_that_were_copied(
    volume: _Files, monkeypatch: pytest.MonkeyPatch, record: DumpRecord
) -> None:
    """Even of a file that changed: the hash is that of the copy, not of a second reading."""
    busy = volume.write("busy.log")
    _while_reading(monkeypatch, busy, _append)
    content = volume.dump()
    monkeypatch.undo()
    busy.write_bytes(b"something else")
    again = files.rehearse(record, volume.directory, volume.platform)
    assert _entry(again, "busy.log").content == _entry(content, "busy.log").content


def test_a_file_that_goes_away_before_it_is_read_is_named(
    volume: _Files, monkeypatch: pytest.MonkeyPatch
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
    volume: _Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a failed dump with the disk's own words."""
    volume.write("file")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device", "file")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DumpFailed, match="No space left on device"):
        volume.dump()


def test_the_dump_is_dated_before_its_first_byte(volume: _Files) -> None:
    """Data time: nothing in it is older than it says, and no program is needed to open it."""
    path = volume.write("file")
    dumped = files.dump(VOLUME, volume.platform, volume.directory)
    assert dumped.taken_at.timestamp() >= path.stat().st_mtime
    assert (dumped.runtime, dumped.server_version, dumped.artifacts) == (None, "", ())
