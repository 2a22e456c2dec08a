"""A dump that expires while its files are read for the status: only what is damaged is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alt_backup_assets.dumps.record import DumpRecord, artifact_differences
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import store
from alt_backup_assets.status import read
from alt_backup_assets.status.read import read_status
from tests.fakes.site import DB, Machine

During = Callable[[Callable[[], object]], None]
"""Has something done once, while the files of the newest dump are read."""


@pytest.fixture(name="newest")
def _newest(good: Machine) -> StoredDump:
    """Return the newest dump, as the status is about to find it."""
    newest = store(good.site).newest(DB)
    assert newest is not None
    return newest


@pytest.fixture(name="before_files", params=["all", "one"])
def _before_files(
    newest: StoredDump, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> During:
    """Before the first file is looked for, or between the look and the reading of it."""

    def before_all(do: Callable[[], object]) -> None:
        def differences(record: DumpRecord, directory: Path) -> tuple[str, ...]:
            if directory == newest.directory:
                do()
            return artifact_differences(record, directory)

        monkeypatch.setattr(read, "artifact_differences", differences)

    def before_one(do: Callable[[], object]) -> None:
        is_file = Path.is_file

        def seen(path: Path) -> bool:
            found = is_file(path)
            if found and path == newest.directory / "data.bin":
                do()
            return found

        monkeypatch.setattr(Path, "is_file", seen)

    return before_all if request.param == "all" else before_one


def _replace(machine: Machine, newest: StoredDump) -> StoredDump:
    """Take a newer dump, and let the one that was the newest expire."""
    machine.clock.advance(seconds=1)
    newer, held = machine.dump(), {newest.record.dump_id}
    removed = store(machine.site).expire(DB, keep=timedelta(0), now=machine.clock.at, held=held)
    assert removed == (newest.record.dump_id,)
    return newer


def test_an_expired_dump_is_not_damaged(
    good: Machine, newest: StoredDump, before_files: During
) -> None:
    """A newer one is there, and that one is looked at."""
    before_files(lambda: _replace(good, newest))
    status = read_status(good.site)
    assert (status.verdict, status.reasons, status.checksums_ok) == ("GOOD", (), True)
    assert not newest.directory.exists()


def test_the_newer_dump_may_be_damaged(
    good: Machine, newest: StoredDump, before_files: During
) -> None:
    """Then that is told."""
    before_files(lambda: (_replace(good, newest).directory / "data.bin").write_bytes(b""))
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert status.reasons == ("db_data: data.bin has 0 bytes, 15 were written",)


def test_a_dump_that_lost_a_file_is_damaged(
    good: Machine, newest: StoredDump, before_files: During
) -> None:
    """Whatever newer one came meanwhile: its directory is still there."""

    def lose() -> None:
        good.clock.advance(seconds=1)
        good.dump()
        (newest.directory / "data.bin").unlink()

    before_files(lose)
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert status.reasons[0].endswith("data.bin is missing")


def test_a_dump_that_went_without_a_newer_one_is_damaged(
    good: Machine, newest: StoredDump, before_files: During
) -> None:
    """No expiry does that: the newest dump never expires."""
    before_files(lambda: shutil.rmtree(newest.directory))
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert status.reasons[0].endswith("data.bin is missing")
