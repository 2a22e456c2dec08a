"""Directory trees of a live volume: what its application deletes meanwhile is no failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.dumps import tree
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.tar import archive
from alt_backup_assets.errors import DumpFailed

Write = Callable[[Path, Path], FilesContent]
"""Reads a volume into a directory; returns the manifest."""


def _copied(source: Path, directory: Path) -> FilesContent:
    return tree.copy_tree(source, directory / tree.TREE)


def _archived(source: Path, directory: Path) -> FilesContent:
    return archive.write(source, directory / "volume.tar.gz")[0]


WRITERS = pytest.mark.parametrize("write", [_copied, _archived])


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    """Return a volume with a directory in the middle, which a test deletes."""
    source = tmp_path / "volume"
    (source / "tmp").mkdir(parents=True)
    for name in ("first", "tmp/scratch", "young"):
        (source / name).write_bytes(b"data")
    (source / "tmp").chmod(0o750)
    os.utime(source / "tmp", ns=(10**18, 10**18))
    return source


def _when_seen(monkeypatch: pytest.MonkeyPatch, path: Path, do: Callable[[], object]) -> None:
    """Do something as soon as a path was found to be a directory."""
    is_dir = Path.is_dir

    def seen(asked: Path) -> bool:
        found = is_dir(asked)
        if found and asked == path:
            do()
        return found

    monkeypatch.setattr(Path, "is_dir", seen)


def test_a_directory_that_goes_away_after_it_was_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the dump as it was when it was visited, with its mode and time."""
    copy_file = tree._file

    def delete(path: Path, name: str, copy: Path | None) -> FileEntry:
        if name == "young":
            shutil.rmtree(source / "tmp")
        return copy_file(path, name, copy)

    monkeypatch.setattr(tree, "_file", delete)
    content = _copied(source, tmp_path)
    monkeypatch.undo()
    assert [entry.path for entry in content.entries] == ["first", "tmp", "tmp/scratch", "young"]
    assert not (source / "tmp").exists()
    assert tree.read_tree(tmp_path / tree.TREE) == content
    status = (tmp_path / tree.TREE / "tmp").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o750, 10**18)


@WRITERS
def test_a_directory_that_goes_away_before_it_is_listed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """It is empty in the dump, and everything else is there."""
    _when_seen(monkeypatch, source / "tmp", lambda: shutil.rmtree(source / "tmp"))
    content = write(source, tmp_path)
    assert [(entry.path, entry.kind) for entry in content.entries] == [
        ("first", "file"),
        ("tmp", "directory"),
        ("young", "file"),
    ]


@WRITERS
def test_a_volume_that_is_not_there(tmp_path: Path, write: Write) -> None:
    """It is never taken for an empty one."""
    with pytest.raises(DumpFailed, match="No such file"):
        write(tmp_path / "nowhere", tmp_path)


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    """It has no paths, and that is an error."""
    with pytest.raises(FileNotFoundError):
        list(tree.paths_in(tmp_path / "nowhere"))


@WRITERS
def test_a_volume_that_goes_away(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """Not deleted by its application, but the whole of it: half a volume is no dump."""
    _when_seen(monkeypatch, source / "tmp", lambda: source.rename(tmp_path / "elsewhere"))
    with pytest.raises(DumpFailed, match="No such file"):
        write(source, tmp_path)
