"""Volumes of plain files, on real directories: the copy is the source, and its manifest too."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.record import DumpRecord
from tests.fakes.files import VOLUME, VolumeOfFiles, entry_of, volume_in
from tests.fakes.site import Machine


@pytest.fixture(name="volume")
def _volume(tmp_path: Path) -> VolumeOfFiles:
    return volume_in(tmp_path)


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump().record


def test_the_copy_is_the_source(volume: VolumeOfFiles, record: DumpRecord) -> None:
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


def test_a_directory_keeps_its_mode_and_time(volume: VolumeOfFiles) -> None:
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
def test_a_file_keeps_its_mode(volume: VolumeOfFiles, mode: int) -> None:
    """Set-user-id and sticky bits as well, in the copy and in the manifest."""
    volume.write("program", mode=mode)
    content = volume.dump()
    assert (volume.copy / "program").stat().st_mode & 0o7777 == mode
    assert entry_of(content, "program").mode == mode


def test_an_owner_is_recorded_and_kept_where_we_may(volume: VolumeOfFiles) -> None:
    """A restore by root gives every file to whom it belonged; otherwise it is at least known."""
    volume.write("sub/token.json")
    (volume.source / "latest").symlink_to("sub/token.json")
    names = ("sub", "sub/token.json", "latest")
    if os.geteuid() == 0:
        for number, name in enumerate(names):
            os.chown(volume.source / name, 1000 + number, 2000 + number, follow_symlinks=False)
    content = volume.dump()
    for name in names:
        status, copied = (volume.source / name).lstat(), (volume.copy / name).lstat()
        assert entry_of(content, name).owner == f"{status.st_uid}:{status.st_gid}"
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
    volume: VolumeOfFiles, record: DumpRecord, change: object
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


def test_a_link_is_not_followed(volume: VolumeOfFiles, tmp_path: Path) -> None:
    """Neither to a file outside nor around in a circle."""
    volume.write("file")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"not ours")
    (volume.source / "away").symlink_to(tmp_path / "outside")
    (volume.source / "circle").symlink_to(".")
    (volume.source / "dangling").symlink_to("nowhere")
    content = volume.dump()
    assert [entry.path for entry in content.entries] == ["away", "circle", "dangling", "file"]
    assert entry_of(content, "away").content == str(tmp_path / "outside")


def test_what_holds_no_data_is_left_out_and_named(volume: VolumeOfFiles) -> None:
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


def test_the_dump_is_dated_before_its_first_byte(volume: VolumeOfFiles) -> None:
    """Data time: nothing in it is older than it says, and no program is needed to open it."""
    path = volume.write("file")
    dumped = files.dump(VOLUME, volume.platform, volume.directory)
    assert dumped.taken_at.timestamp() >= path.stat().st_mtime
    assert (dumped.runtime, dumped.server_version, dumped.artifacts) == (None, "", ())
