"""Volumes that a server loads: RESTORED only where what it loaded is what was recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolFailed
from alt_backup_assets.restoration.plan import Wish
from alt_backup_assets.restoration.run import scratch_directory
from alt_backup_assets.site import Site
from tests.fakes.loading import FakeServerEngine
from tests.fakes.site import DB, TOKENS
from tests.unit.restoration.conftest import Bench

DATA = {"data.bin": b"rows of db_data"}


def test_a_stopped_server_is_started_and_left_running(
    bench: Bench, loading: FakeServerEngine
) -> None:
    """It is started, waited for and loaded, and runs on; the steps say so."""
    bench.stop_all()
    (done,) = bench.restore()
    assert done.differences == ()
    assert loading.waited == ["db (fake)"]
    assert loading.loads == [(DB, None, DATA)]
    assert bench.machine.platform.told == [("start", "db")]
    assert any("leave it running" in step for step in done.steps)
    assert bench.leftovers() == []


def test_a_running_server_is_refused_unless_forced(bench: Bench, loading: FakeServerEngine) -> None:
    """Its clients would lose their data under their hands; with --force it is loaded as it runs."""
    (said,) = bench.problems()
    assert "its data would be replaced under its clients" in said
    (done,) = bench.restore(Wish(force=True))
    assert done.differences == ()
    assert loading.loads == [(DB, None, DATA)]
    assert bench.machine.platform.told == []


def test_another_database_needs_no_force(bench: Bench, loading: FakeServerEngine) -> None:
    """Nothing that is there is replaced, so a running server is no reason to refuse."""
    (done,) = bench.restore(Wish(into="aside"))
    assert done.differences == ()
    assert loading.loads == [(DB, "aside", DATA)]
    assert "database aside of service db" in done.plan.target_name


def test_what_came_back_otherwise_is_failed(bench: Bench, loading: FakeServerEngine) -> None:
    """A file that the server lost is named."""
    loading.loses = True
    (done,) = bench.restore(Wish(force=True))
    assert "data.bin is missing" in done.differences


def test_a_load_that_fails_is_failed(bench: Bench, loading: FakeServerEngine) -> None:
    """The engine's own sentence is told; any other error says to look at the target."""
    loading.error = RestoreFailed("replaced: none")
    assert bench.restore(Wish(force=True))[0].differences == ("replaced: none",)
    loading.error = ToolFailed("pg_restore exited with 1")
    (said,) = bench.restore(Wish(force=True))[0].differences
    assert said == "pg_restore exited with 1 (service db may have changed: look before it is used)"
    assert bench.leftovers() == []


def test_a_damaged_dump_is_not_loaded(bench: Bench, loading: FakeServerEngine) -> None:
    """The hashes are checked before the server is started."""
    bench.stop_all()
    newest = bench.machine.local.snapshots(tag=DB)[-1].id
    bench.machine.local.damage_file(newest, "data.bin", b"rows of db_datA")
    (done,) = bench.restore()
    assert "sha256" in done.differences[0]
    assert "nothing was replaced" in done.differences[0]
    assert loading.loads == []
    assert bench.machine.platform.told == []


def test_a_server_that_does_not_start_is_failed(
    bench: Bench, loading: FakeServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is loaded, and the message says that nothing was replaced."""
    bench.stop_all()

    def fail(_service: str) -> None:
        raise PlatformError("db did not start")

    monkeypatch.setattr(bench.machine.platform, "start", fail)
    assert bench.restore()[0].differences == ("db did not start (nothing was replaced)",)
    assert loading.loads == []


def test_the_files_of_a_dump_elsewhere(
    bench: Bench, loading: FakeServerEngine, tmp_path: Path
) -> None:
    """--to puts the dump itself there, with its record, and asks no server."""
    (done,) = bench.restore(Wish(to=tmp_path / "out"))
    assert done.differences == ()
    assert (tmp_path / "out" / "data.bin").read_bytes() == DATA["data.bin"]
    assert (tmp_path / "out" / "record.json").is_file()
    assert loading.loads == []


def test_an_unknown_service_is_refused(bench: Bench, loading: FakeServerEngine) -> None:
    """There is no server to load into."""
    del bench.machine.platform.services["db"]
    (said,) = bench.problems(Wish(force=True))
    assert "no service `db`" in said
    assert "make it first" in said
    assert loading.loads == []


def test_what_a_crash_fetched_is_removed(bench: Bench, loading: FakeServerEngine) -> None:
    """A rerun removes half a fetch and loads all of it."""
    bench.stop_all()
    left = scratch_directory(bench.machine.site, DB) / "dump"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    assert bench.restore()[0].differences == ()
    assert loading.loads == [(DB, None, DATA)]
    assert bench.leftovers() == []


def test_what_another_restore_removed_first_is_no_error(
    bench: Bench, loading: FakeServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a fetch was there before the lock was taken, and is not any more."""
    bench.stop_all()
    left = scratch_directory(bench.machine.site, TOKENS)
    left.mkdir()

    @contextmanager
    def lock(_site: Site, _name: str) -> Iterator[None]:
        if left.exists():
            shutil.rmtree(left)
        yield

    monkeypatch.setattr(Site, "lock", lock)
    assert bench.restore()[0].differences == ()


def test_what_cannot_be_removed_is_told_and_stops_no_restore(
    bench: Bench, loading: FakeServerEngine
) -> None:
    """What another volume's restore left is no reason not to bring this one back."""
    bench.stop_all()
    left = scratch_directory(bench.machine.site, TOKENS)
    left.touch()  # no directory can be removed there
    assert bench.restore()[0].differences == ()
    assert bench.told[0].startswith(f"{left} could not be removed: NotADirectoryError: ")
