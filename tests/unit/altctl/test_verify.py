"""Verification of an old backup: sound is GOOD, and every mismatch is red."""

from __future__ import annotations

import errno
import gzip
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.altctl.verify import Verified, verify
from alt_backup_assets.errors import OldBackupError
from tests.altctl_backup import MEMBERS, PGDATA, link, tar_gz, write_backup
from tests.fakes.pgarchive import Builder

TAR, DUMP = "volumes/tokens.tar.gz", "volumes/recap_db_data.dump"


def test_a_sound_backup_is_good(tmp_path: Path) -> None:
    """Every volume was read, in the order of the manifest, and nothing is told."""
    told: list[str] = []
    verified = verify(write_backup(tmp_path / "b"), notify=told.append)
    assert verified.verdict == "GOOD"
    assert told == ["tokens", "recap_db_data"]
    assert all(volume.verdict == "GOOD" for volume in verified.volumes)
    assert verified.problems == verified.warnings == ()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", [TAR, DUMP])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "is not there"),
        (lambda path: path.write_bytes(b""), "0 bytes are no backup"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, "),
        (_flip, "has the checksum sha256:"),
        (lambda path: (path.rename(path.parent.parent.parent / "x"), path.mkdir()), "not a file"),
    ],
)
def test_a_file_that_is_not_as_it_was_is_red(
    tmp_path: Path, name: str, damage: Callable[[Path], object], said: str
) -> None:
    """Missing, empty, cut, changed or no file at all: the volume fails and the others do not."""
    made = write_backup(tmp_path / "b")
    damage(made / name)
    verified = verify(made)
    assert verified.verdict == "FAILED"
    failed = [volume for volume in verified.volumes if volume.verdict == "FAILED"]
    assert [volume.filename for volume in failed] == [name]
    assert said in failed[0].problems[0]


def test_a_link_to_a_file_elsewhere_is_red(tmp_path: Path) -> None:
    """What lies elsewhere is not in the backup."""
    made = write_backup(tmp_path / "b")
    (made / TAR).rename(tmp_path / "elsewhere.tar.gz")
    (made / TAR).symlink_to(tmp_path / "elsewhere.tar.gz")
    assert "is not a file of this directory" in problem(verify(made))


def test_a_wrong_overall_checksum_is_red(tmp_path: Path) -> None:
    """Every file agrees, and the manifest is still not the one that was written."""
    made = write_backup(tmp_path / "b", change=lambda m: m["volumes"].reverse())
    verified = verify(made)
    assert verified.verdict == "FAILED"
    assert "was changed after it was written" in verified.problems[0]


def test_no_volumes_are_red(tmp_path: Path) -> None:
    """Nothing verified is not green."""
    verified = verify(write_backup(tmp_path / "b", {}))
    assert verified.verdict == "FAILED"
    assert "lists no volumes" in verified.problems[0]


def test_a_file_beyond_the_manifest_is_told(tmp_path: Path) -> None:
    """A dump the manifest forgot is not taken for a backed-up one."""
    made = write_backup(tmp_path / "b")
    (made / "volumes" / "kratos_db_data.dump").write_bytes(b"x")
    (warning,) = verify(made).warnings
    assert warning.startswith("volumes/kratos_db_data.dump is not in manifest.json")


def test_a_directory_that_cannot_be_read_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may lie there is unknown, and unknown is no good news."""

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    made = write_backup(tmp_path / "b")
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        with pytest.raises(OldBackupError, match="looked into"):
            verify(made)


def test_zero_bytes_with_a_right_checksum_are_red(tmp_path: Path) -> None:
    """The old tool recorded the checksum of an empty file without a word."""
    assert "0 bytes are no backup" in problem(verify(write_backup(tmp_path / "b", {"a.dump": b""})))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Builder().archive()[:-40], "cut short"),
        (b"-- PostgreSQL database dump\n", "not a pg_dump archive"),
    ],
)
def test_a_dump_that_is_no_whole_archive_is_red(tmp_path: Path, content: bytes, said: str) -> None:
    """Its checksum is right: it was cut before the old tool looked at it."""
    assert said in problem(verify(write_backup(tmp_path / "b", {"a.dump": content})))


def _plain(content: bytes) -> bytes:
    return gzip.decompress(content)


WHOLE = tar_gz(MEMBERS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE[:-20], "cannot be read to its end"),
        (WHOLE[:-8] + b"\0" * 8, "cannot be read to its end"),
        (b"no gzip at all", "cannot be read to its end"),
        (gzip.compress(b""), "cannot be read to its end"),
        (gzip.compress(_plain(WHOLE)[:2048]), "end"),
        (gzip.compress(_plain(WHOLE).rstrip(b"\0")), "end"),
        (tar_gz({}), "holds nothing at all"),
    ],
    # gzip writes the time into the bytes, and an identifier is to be the same in every process.
    ids=["cut", "no check sum", "no gzip", "empty gzip", "half", "no end", "nothing"],
)
def test_an_archive_that_does_not_end_well_is_red(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """Cut gzip, wrong gzip checksum, cut tar, nothing in it: all with a right sha256."""
    assert said in problem(verify(write_backup(tmp_path / "b", {"a.tar.gz": content})))


@pytest.mark.parametrize(
    "content",
    [
        tar_gz({"../outside": b"x"}),
        tar_gz(MEMBERS, link("./out", "/etc"), link("./out/passwd", "token.json")),
        tar_gz(MEMBERS, link("./hard", "../../etc/passwd", tarfile.LNKTYPE)),
        tar_gz(MEMBERS, link("./out", "/etc"), link("./hard", "out/passwd", tarfile.LNKTYPE)),
        tar_gz(MEMBERS, link("/etc/cron.d/x", "token.json")),
    ],
)
def test_a_member_that_leads_outside_is_red(tmp_path: Path, content: bytes) -> None:
    """Upwards, absolute, through a link, by a hard link: nothing of it would be unpacked."""
    assert "leads outside" in problem(verify(write_backup(tmp_path / "b", {"a.tar.gz": content})))


def test_a_symbolic_link_is_only_text(tmp_path: Path) -> None:
    """A volume may hold a link to a place in its container; it is no fault."""
    content = tar_gz(MEMBERS, link("./log", "/dev/stdout"))
    assert verify(write_backup(tmp_path / "b", {"a.tar.gz": content})).verdict == "GOOD"


@pytest.mark.parametrize("root", ["", "18/docker/"])
@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("pg_wal/000000010000000000000001", "will not start (no pg_wal)"),
        ("global/pg_control", "will not start (no global/pg_control)"),
    ],
)
def test_a_cluster_that_will_not_start_is_red(
    tmp_path: Path, root: str, lost: str, said: str
) -> None:
    """PGDATA without its write-ahead log was copied for months, and no server starts from it."""
    whole = {root + name: content for name, content in PGDATA.items()}
    cut = {name: content for name, content in whole.items() if name != root + lost}
    files = {"a_good.tar.gz": tar_gz(whole), "b_bad.tar.gz": tar_gz(cut)}
    good, bad = verify(write_backup(tmp_path / "b", files)).volumes
    assert good.verdict == "GOOD"
    assert said in bad.problems[0]


def problem(verified: Verified) -> str:
    """Return what is wrong with the one volume that is not sound."""
    assert verified.verdict == "FAILED"
    (found,) = (volume for volume in verified.volumes if volume.problems)
    return found.problems[0]
