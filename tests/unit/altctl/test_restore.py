"""Bringing a volume of an old backup back: sound things only, and whole or not at all."""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path

import pytest

from alt_backup_assets.altctl.restore import bring, open_sound
from alt_backup_assets.errors import NotEnoughSpace, OldBackupError, RestoreRefused
from alt_backup_assets.tools import targz
from tests.altctl_backup import MEMBERS, link, tar_gz, write_backup
from tests.fakes.pgarchive import Builder


def restore(directory: Path, name: str, target: Path) -> None:
    """Verify and bring back one volume."""
    backup, volume = open_sound(directory, name)
    bring(backup, volume, target)


def test_a_tar_is_unpacked_as_it_was(tmp_path: Path) -> None:
    """Files, modes, owners for root, and links come back; nothing else is left."""
    owned = link("./link", "/dev/stdout")
    made = write_backup(tmp_path / "b", {"tokens.tar.gz": tar_gz(MEMBERS, owned)})
    restore(made, "tokens", tmp_path / "out")
    out = tmp_path / "out"
    for name, content in MEMBERS.items():
        assert (out / name).read_bytes() == content
    assert (out / "token.json").stat().st_mode & 0o777 == 0o640
    assert out.stat().st_mode & 0o777 == 0o755
    assert (out / "link").readlink() == Path("/dev/stdout")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b", "out"]


@pytest.mark.parametrize("owner", [(999, 998)])
def test_owners_come_back_by_number(tmp_path: Path, owner: tuple[int, int]) -> None:
    """Root gives the files to whom they belonged; another user keeps them."""
    member = tarfile.TarInfo("./owned")
    member.uid, member.gid, member.uname, member.gname = *owner, "root", "root"
    made = write_backup(tmp_path / "b", {"tokens.tar.gz": tar_gz(MEMBERS, member)})
    restore(made, "tokens", tmp_path / "out")
    status = (tmp_path / "out" / "owned").stat()
    expected = owner if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    assert (status.st_uid, status.st_gid) == expected


def test_devices_and_pipes_are_left_out(tmp_path: Path) -> None:
    """They hold no data."""
    pipe = link("./pipe", "", tarfile.FIFOTYPE)
    made = write_backup(tmp_path / "b", {"tokens.tar.gz": tar_gz(MEMBERS, pipe)})
    restore(made, "tokens", tmp_path / "out")
    assert not (tmp_path / "out" / "pipe").exists()


def test_a_dump_is_copied_byte_by_byte(tmp_path: Path) -> None:
    """It is what pg_dump wrote, for its owner only."""
    (tmp_path / "out").mkdir()
    restore(write_backup(tmp_path / "b"), "recap_db_data", tmp_path / "out")
    copy = tmp_path / "out" / "recap_db_data.dump"
    assert copy.read_bytes() == Builder().archive()
    assert copy.stat().st_mode & 0o777 == 0o600


def test_any_mismatch_refuses_before_anything_is_touched(tmp_path: Path) -> None:
    """Every reason is told, and the target is not made."""
    made = write_backup(tmp_path / "b", change=lambda m: m["volumes"].reverse())
    (made / "volumes" / "tokens.tar.gz").write_bytes(b"")
    with pytest.raises(OldBackupError) as caught:
        restore(made, "tokens", tmp_path / "out")
    assert "0 bytes" in str(caught.value)
    assert "was changed after it was written" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_damage_of_another_volume_is_no_reason(tmp_path: Path) -> None:
    """On a bad day, what is sound can be had."""
    made = write_backup(tmp_path / "b")
    (made / "volumes" / "recap_db_data.dump").unlink()
    restore(made, "tokens", tmp_path / "out")
    assert (tmp_path / "out" / "token.json").exists()


def test_a_target_that_holds_something_is_refused(tmp_path: Path) -> None:
    """Nothing is mixed with what is there."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(RestoreRefused, match="is not empty"):
        restore(write_backup(tmp_path / "b"), "tokens", tmp_path / "out")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_target_below_nothing_is_refused(tmp_path: Path) -> None:
    """A misspelt path makes no new tree."""
    with pytest.raises(RestoreRefused, match="make it first"):
        restore(write_backup(tmp_path / "b"), "tokens", tmp_path / "no" / "out")
    assert not (tmp_path / "no").exists()


def test_what_fails_halfway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told, and neither the target nor a part of it stays."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = write_backup(tmp_path / "b")
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(OldBackupError, match="No space left"):
        restore(made, "tokens", tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["b"]


def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both numbers are in the message."""
    made = write_backup(tmp_path / "b")
    huge = tarfile.TarInfo("./huge")
    huge.size = 1 << 60
    backup, volume = open_sound(made, "tokens")
    monkeypatch.setattr(
        targz, "members", lambda _path: [targz.Member(path="huge", info=huge, sha256="")]
    )
    with pytest.raises(NotEnoughSpace, match=str(1 << 60)):
        bring(backup, volume, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dump_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    """What is copied is what was verified, or nothing."""
    made = write_backup(tmp_path / "b")
    backup, volume = open_sound(made, "recap_db_data")
    (made / volume.filename).write_bytes(b"other")
    with pytest.raises(OldBackupError, match="changed while it was copied"):
        bring(backup, volume, tmp_path / "out")
    assert not (tmp_path / "out").exists()
