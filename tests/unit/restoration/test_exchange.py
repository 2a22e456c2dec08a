"""The exchange of two trees, on the real disk; a kill -9 at any moment leaves one or the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alt_backup_assets.errors import PlatformError
from alt_backup_assets.restoration.exchange import exchange, sync_tree
from tests.sites import ROOT

_KILLS = 12
_LOOP = """\
import os, shutil, sys
from pathlib import Path
from alt_backup_assets.restoration.exchange import exchange, sync_tree
place, staging, trees = (Path(word) for word in sys.argv[1:])
while True:
    for name in ("new", "old"):
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(trees / name, staging)
        sync_tree(staging)
        exchange(staging, place)
        print(name, flush=True)
"""


def tree(root: Path, text: str) -> Path:
    """Make a tree of some files with one text."""
    (root / "deep").mkdir(parents=True)
    for number in range(20):
        (root / "deep" / str(number)).write_text(text)
    return root


def texts(root: Path) -> list[str]:
    """Return all texts of a tree."""
    return [path.read_text() for path in sorted((root / "deep").iterdir())]


def test_two_trees_change_places(tmp_path: Path) -> None:
    """Each has the other's name afterwards, with all it holds."""
    one, other = tree(tmp_path / "one", "one"), tree(tmp_path / "other", "other")
    sync_tree(one)
    exchange(one, other)
    assert (texts(one), texts(other)) == (["other"] * 20, ["one"] * 20)


def test_a_tree_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    """The error names the place and says that nothing was changed."""
    one = tree(tmp_path / "one", "one")
    with pytest.raises(PlatformError, match=r"other could not be exchanged.*nothing was changed"):
        exchange(one, tmp_path / "other")
    assert texts(one) == ["one"] * 20


def test_another_file_system_is_refused_with_advice(tmp_path: Path) -> None:
    """Two disks cannot exchange in one step: the message says where to run the restore."""
    one = tree(tmp_path / "one", "one")
    shm = Path("/dev/shm")  # noqa: S108 -- a file system of its own on every Linux
    assert shm.stat().st_dev != tmp_path.stat().st_dev
    other = tree(shm / f"alt-backup-test-{os.getpid()}", "other")
    try:
        with pytest.raises(PlatformError, match="run the restore on the host itself"):
            exchange(one, other)
        assert (texts(one), texts(other)) == (["one"] * 20, ["other"] * 20)
    finally:
        shutil.rmtree(other)


def test_a_mount_point_is_refused_with_advice(tmp_path: Path) -> None:
    """What is mounted into a container cannot change places."""
    one = tree(tmp_path / "one", "one")
    with pytest.raises(PlatformError, match="not a mount point"):
        exchange(one, Path("/proc"))
    assert texts(one) == ["one"] * 20


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """Whenever the process dies, the place holds the old tree or the new one, never a mixture."""
    place = tree(tmp_path / "place", "old")
    tree(tmp_path / "trees" / "old", "old")
    tree(tmp_path / "trees" / "new", "new")
    for kill in range(_KILLS):
        _killed(tmp_path, after_seconds=0.003 * kill)
        assert texts(place) in (["old"] * 20, ["new"] * 20)


def _killed(directory: Path, *, after_seconds: float) -> None:
    names = ("place", "staging", "trees")
    argv = [sys.executable, "-c", _LOOP, *(str(directory / name) for name in names)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "new\n"  # it is under way
        time.sleep(after_seconds)
        process.kill()
