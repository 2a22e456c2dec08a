"""The textfile: whole or not at all, and one writer at a time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from alt_backup_assets.errors import VolumeBusy, WrongPassword
from alt_backup_assets.signals.facts import Facts, read_facts
from alt_backup_assets.signals.textfile import exposition, write_textfile
from alt_backup_assets.site import Site
from tests.fakes.restic import Fault
from tests.fakes.site import Machine


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    directory = tmp_path / "collector"
    directory.mkdir()
    return directory / "alt-backup.prom"


def test_it_holds_the_metrics_and_others_may_read_it(good: Machine, path: Path) -> None:
    """Whatever the umask is, and nothing else is left in the directory."""
    before = os.umask(0o077)
    try:
        facts = write_textfile(good.site, path)
    finally:
        os.umask(before)
    assert path.read_bytes() == exposition(facts)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_it_is_replaced_by_what_is_known_now(good: Machine, path: Path) -> None:
    """A repository that opens no more leaves no time that looks fresh."""
    write_textfile(good.site, path)
    assert b'type="full"' in path.read_bytes()
    good.local.faults = {"snapshots": Fault(WrongPassword("it does not open"))}
    write_textfile(good.site, path)
    assert b"\nbackup_repository_initialized 0.0\n" in path.read_bytes()
    assert b'type="full"' not in path.read_bytes()


def test_a_write_that_fails_leaves_the_file_before(
    good: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a full disk nothing is half there, and nothing is left aside."""
    write_textfile(good.site, path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_textfile(good.site, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_it_appears_under_its_name_only_when_it_is_on_the_disk(
    good: Machine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the collector, which takes every name that ends in .prom, sees no such name."""
    seen: list[list[str]] = []
    monkeypatch.setattr(
        os, "fsync", lambda _: seen.append([p.suffix for p in path.parent.iterdir()])
    )
    write_textfile(good.site, path)
    assert len(seen) == 1
    assert len(seen[0]) == 1
    assert ".prom" not in seen[0]


def test_a_directory_that_is_not_there_is_an_error(good: Machine, path: Path) -> None:
    """It is not made: a collector would not look into it."""
    path.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        write_textfile(good.site, path)


def test_two_writers_take_turns(good: Machine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing is one turn: an older reading never follows a newer."""
    tried: list[str] = []

    def read(site: Site) -> Facts:
        with pytest.raises(VolumeBusy), site.lock("metrics-textfile"):
            pytest.fail("another writer could begin")
        tried.append(site.name)
        return read_facts(site)

    monkeypatch.setattr("alt_backup_assets.signals.textfile.read_facts", read)
    write_textfile(good.site, path)
    assert tried == [good.site.name]
