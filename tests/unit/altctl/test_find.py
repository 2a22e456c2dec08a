"""The listing of old backups: all that are there, and what is visibly wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.altctl.find import find
from alt_backup_assets.errors import OldBackupError
from tests.altctl_backup import write_backup


def test_backups_are_found_in_place_and_one_level_below(tmp_path: Path) -> None:
    """The newest is last, each is there once, and other directories are passed over."""
    newer = write_backup(
        tmp_path / "a", change=lambda m: m.update(created_at="2026-02-28T03:00:00+09:00")
    )
    older = write_backup(
        tmp_path / "b", change=lambda m: m.update(created_at="2026-02-27T17:00:00Z")
    )
    (tmp_path / "other").mkdir()
    found = find([tmp_path, newer])
    assert [each.directory for each in found] == [str(older), str(newer)]
    assert all(each.complete and each.volumes == 2 and each.size_bytes > 0 for each in found)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    """A missing file, an unfinished backup and one without volumes are not complete."""
    (write_backup(tmp_path / "lost") / "volumes" / "tokens.tar.gz").unlink()
    (write_backup(tmp_path / "never") / "manifest.json").unlink()
    write_backup(tmp_path / "empty", {})
    found = {Path(each.directory).name: each for each in find([tmp_path])}
    assert not any(each.complete for each in found.values())
    assert "tokens.tar.gz is not there" in found["lost"].problems[0]
    assert "never finished" in found["never"].problems[0]
    assert "lists no volumes" in found["empty"].problems[0]


def test_nothing_is_found_in_an_empty_directory(tmp_path: Path) -> None:
    """No backup is no backup, and no error."""
    assert find([tmp_path]) == ()


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """An unreadable place is not the same as an empty one."""
    with pytest.raises(OldBackupError, match="cannot be read"):
        find([tmp_path / "gone"])
