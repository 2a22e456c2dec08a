"""The page that is there is a whole one: the new one, or the one before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alt_backup_assets.report.write import default_path, write_report
from tests.fakes.site import Machine


def test_the_page_is_written_where_it_is_looked_for(good: Machine) -> None:
    """In the state directory, and nothing is left beside it."""
    written = write_report(good.site)
    assert written.path == default_path(good.site)
    assert written.path.read_text().startswith("<!doctype html>")
    assert [path.name for path in written.path.parent.iterdir()] == ["index.html"]


def test_a_page_that_cannot_be_made_leaves_the_old_one(
    good: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes nothing away."""
    path = write_report(good.site).path
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(good.site)
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["index.html"]


def test_a_directory_that_is_not_there_is_said(good: Machine, tmp_path: Path) -> None:
    """Somebody named it; it is not made."""
    with pytest.raises(FileNotFoundError):
        write_report(good.site, output=tmp_path / "nowhere" / "page.html")
