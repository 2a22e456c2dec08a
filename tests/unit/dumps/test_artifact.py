"""A file of a dump: on the disk and hashed, or a failure."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from alt_backup_assets.dumps.artifact import Writing, writing
from alt_backup_assets.errors import DumpFailed, ToolFailed


def _write_nothing(out: Writing, times: int) -> None:
    for _ in range(times):
        out.write(b"")


def test_the_hash_is_that_of_the_bytes_written(tmp_path: Path) -> None:
    """Size and hash describe what was handed in, and the file holds the same."""
    with writing(tmp_path / "alt.dump") as out:
        out.write(b"PGDMP")
        out.write(b"")
        out.write(b"rows")
    assert out.artifact.path == "alt.dump"
    assert out.artifact.size_bytes == 9
    assert out.artifact.sha256 == hashlib.sha256(b"PGDMProws").hexdigest()
    assert (tmp_path / "alt.dump").read_bytes() == b"PGDMProws"


def test_it_is_on_the_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of its bytes are handed to the disk, and the disk is asked to keep them."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    with writing(tmp_path / "alt.dump") as out:
        out.write(b"PGDMP")
    assert synced == [5]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """Password verifiers may be in it: mode 0600 from the first byte on, whatever the umask."""
    before = os.umask(0)
    try:
        with writing(tmp_path / "globals.sql") as out:
            assert (tmp_path / "globals.sql").stat().st_mode & 0o777 == 0o600
            out.write(b"CREATE ROLE alt;")
    finally:
        os.umask(before)
    assert (tmp_path / "globals.sql").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_an_empty_file_is_a_failed_dump(tmp_path: Path, chunks: int) -> None:
    """0 bytes are never a dump, however quietly the engine ended."""
    with (
        pytest.raises(DumpFailed, match=r"alt\.dump is empty"),
        writing(tmp_path / "alt.dump") as out,
    ):
        _write_nothing(out, chunks)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """A dump is written once; what was there stays as it was."""
    (tmp_path / "alt.dump").write_bytes(b"good")
    with pytest.raises(DumpFailed, match="cannot write"), writing(tmp_path / "alt.dump") as out:
        out.write(b"new")
    assert (tmp_path / "alt.dump").read_bytes() == b"good"


@pytest.mark.parametrize("size", [1, 1 << 20], ids=["at the flush", "at the write"])
def test_a_full_disk_is_a_failed_dump(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space left: said as such, at whatever moment the disk says so."""
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, _flags, mode: real(path, os.O_WRONLY, mode))
    with (
        pytest.raises(DumpFailed, match="cannot write /dev/full: No space left"),
        writing(Path("/dev/full")) as out,
    ):
        out.write(b"x" * size)


def test_a_directory_that_is_gone_is_a_failed_dump(tmp_path: Path) -> None:
    """There is nowhere to write to."""
    with pytest.raises(DumpFailed, match="No such file"), writing(tmp_path / "gone/alt.dump"):
        pytest.fail("nothing can be written there")


def test_the_engines_own_error_is_the_one_that_counts(tmp_path: Path) -> None:
    """A pg_dump that failed before its first byte is not reported as an empty file."""
    with pytest.raises(ToolFailed, match="exited with 1"), writing(tmp_path / "alt.dump"):
        raise ToolFailed("pg_dump exited with 1", 1)
