"""A whole pg_dump archive is told from a cut, damaged or foreign one, by its frame alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.tools.pgarchive import require_whole
from tests.fakes.pgarchive import BLOCK_DATA, Builder

VERSIONS = [(1, 14), (1, 15), (1, 16)]


def _check(directory: Path, archive: bytes) -> int:
    path = directory / "alt.dump"
    path.write_bytes(archive)
    return require_whole(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("int_bytes", "offset_bytes"), [(4, 8), (4, 4), (8, 8)])
def test_a_whole_archive_passes(
    tmp_path: Path, version: tuple[int, int], int_bytes: int, offset_bytes: int
) -> None:
    """Its blocks of data are counted, in every version and size of number there is."""
    builder = Builder(version, int_bytes, offset_bytes)
    assert _check(tmp_path, builder.archive()) == 3


def test_an_archive_without_any_data_passes(tmp_path: Path) -> None:
    """An empty database is dumped too."""
    builder = Builder()
    assert _check(tmp_path, builder.header(1) + builder.entry(1, has_data=False)) == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cut_at_any_byte_shows(tmp_path: Path, version: tuple[int, int]) -> None:
    """Wherever the pipe was cut, between two blocks too, the archive is refused."""
    archive = Builder(version).archive()
    for length in range(len(archive)):
        with pytest.raises(DumpFailed):
            _check(tmp_path, archive[:length])


@pytest.mark.timeout(20)
def test_damage_at_any_byte_ends_in_an_answer(tmp_path: Path) -> None:
    """A flipped byte is refused or harmless to the frame; it is never a crash or a hang."""
    whole = Builder().archive()
    archive = whole + bytes(range(1, 256)) * 20  # so that a wrong length finds something to read
    for position in range(len(whole)):
        for value in (0x05, 0xFF):
            damaged = archive[:position] + bytes([value]) + archive[position + 1 :]
            try:
                assert _check(tmp_path, damaged) >= 0
            except DumpFailed:
                continue


def test_what_follows_the_last_block_shows(tmp_path: Path) -> None:
    """Bytes behind the end are not taken for a whole archive."""
    with pytest.raises(DumpFailed, match="unknown block type 42"):
        _check(tmp_path, Builder().archive() + b"*" * 20)


@pytest.mark.parametrize("extra", [Builder().data(5, b"x"), Builder().large_objects(5)])
def test_a_block_nobody_listed_shows(tmp_path: Path, extra: bytes) -> None:
    """More data than the contents list is not the archive pg_dump wrote."""
    with pytest.raises(DumpFailed, match="holds data of 4 tables, its contents list 3"):
        _check(tmp_path, Builder().archive() + extra)


def test_a_block_that_is_missing_shows(tmp_path: Path) -> None:
    """A table whose data is not there is named by the count."""
    builder = Builder()
    archive = builder.header(1) + builder.entry(1, has_data=True)
    with pytest.raises(DumpFailed, match="holds data of 0 tables, its contents list 1"):
        _check(tmp_path, archive)


@pytest.mark.parametrize("archive", [b"-- PostgreSQL database dump\n", b"PGDM*" + bytes(99)])
def test_what_is_no_archive_is_refused(tmp_path: Path, archive: bytes) -> None:
    """A dump as text, or anything else, is not taken for one in custom format."""
    with pytest.raises(DumpFailed, match="is not a pg_dump archive in custom format"):
        _check(tmp_path, archive)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """0 bytes are no dump, and the message says so."""
    with pytest.raises(DumpFailed, match="is empty"):
        _check(tmp_path, b"")


@pytest.mark.parametrize("version", [(1, 13), (1, 17), (2, 0)])
def test_an_unknown_version_is_refused(tmp_path: Path, version: tuple[int, int]) -> None:
    """What was never read here is not called whole."""
    with pytest.raises(DumpFailed, match=rf"version {version[0]}\.{version[1]}, which is unknown"):
        _check(tmp_path, Builder(version).archive())


def test_a_block_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    """A length that leads behind the end is a cut, not a jump."""
    builder = Builder()
    archive = builder.header(1) + builder.entry(1, has_data=True)
    block = BLOCK_DATA + builder.number(1) + builder.number(1 << 30)
    with pytest.raises(DumpFailed, match="is cut short"):
        _check(tmp_path, archive + block)


@pytest.mark.parametrize("length", [-2, -(1 << 20)])
def test_a_negative_length_is_refused(tmp_path: Path, length: int) -> None:
    """Nothing walks backwards, which could go on for ever."""
    builder = Builder()
    archive = builder.header(1) + builder.entry(1, has_data=True)
    with pytest.raises(DumpFailed):
        _check(tmp_path, archive + BLOCK_DATA + builder.number(1) + builder.number(length))
