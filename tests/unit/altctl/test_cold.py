"""The cold copy of a stopped PostgreSQL: only of one that was shut down in good order."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alt_backup_assets.altctl.cold import write_cold
from alt_backup_assets.altctl.verify import Verified, verify
from alt_backup_assets.errors import DumpFailed, OldBackupError, RestoreRefused
from alt_backup_assets.registry.volume import Volume
from tests.altctl_backup import PGDATA
from tests.fakes.platform import FakePlatform

DB = Volume(
    name="db_data",
    service="db",
    engine="postgresql",
    category="critical",
    databases=("alt",),
    user="alt_db_user",
)
NOW = datetime(2026, 2, 27, 18, tzinfo=UTC)
SHUT_DOWN, IN_PRODUCTION = 1, 6
CONTROL = "global/pg_control"


def control(state: int, version: int = 1700) -> bytes:
    """Return the beginning of a control file."""
    return struct.pack("=QIII", 7_000_000_000, version, 202406281, state) + bytes(300)


@pytest.fixture(name="platform")
def _platform(tmp_path: Path) -> FakePlatform:
    """Return a platform whose server was shut down."""
    platform = FakePlatform()
    platform.add("db")
    platform.stopped.add("db")
    platform.volumes["db_data"] = tmp_path / "live"
    for name, content in (PGDATA | {CONTROL: control(SHUT_DOWN)}).items():
        (tmp_path / "live" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "live" / name).write_bytes(content)
    return platform


def copied(platform: FakePlatform, target: Path, volume: Volume = DB) -> Verified:
    """Make a cold copy."""
    return write_cold(volume, platform, target, NOW)


def test_a_cold_copy_is_a_backup_that_verifies(tmp_path: Path, platform: FakePlatform) -> None:
    """It is written as the former altctl wrote it, and nothing is left beside it."""
    made = copied(platform, tmp_path / "out")
    assert made.verdict == "GOOD"
    assert made == verify(tmp_path / "out")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["live", "out"]


@pytest.mark.parametrize("state", [0, 2, 3, 4, 5, IN_PRODUCTION, 99])
def test_any_other_state_than_shut_down_is_refused(
    tmp_path: Path, platform: FakePlatform, state: int
) -> None:
    """A server that crashed, or whose host did, has no consistent files."""
    (tmp_path / "live" / CONTROL).write_bytes(control(state))
    with pytest.raises(DumpFailed, match=f"not shut down in good order .state {state}"):
        copied(platform, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["live"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (control(SHUT_DOWN, 1900), "is of version 1900"),
        (control(SHUT_DOWN)[:10], "cut short"),
        (b"", "cut short"),
        (None, "holds 0 PostgreSQL data directories"),
    ],
)
def test_a_control_file_that_cannot_be_read_is_refused(
    tmp_path: Path, platform: FakePlatform, content: bytes | None, said: str
) -> None:
    """Unknown is not shut down."""
    (tmp_path / "live" / CONTROL).unlink()
    if content is not None:
        (tmp_path / "live" / CONTROL).write_bytes(content)
    with pytest.raises(DumpFailed, match=said):
        copied(platform, tmp_path / "out")


def test_a_running_service_is_refused(tmp_path: Path, platform: FakePlatform) -> None:
    """A server that runs is dumped."""
    platform.stopped.clear()
    with pytest.raises(DumpFailed, match="take a dump"):
        copied(platform, tmp_path / "out")


def test_a_server_that_is_started_meanwhile_is_red(
    tmp_path: Path, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was copied then is thrown away."""
    states = iter((False, True))
    monkeypatch.setattr(platform, "is_running", lambda _service: next(states))
    with pytest.raises(DumpFailed, match="db runs"):
        copied(platform, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["live"]


def test_files_no_server_starts_from_are_red(tmp_path: Path, platform: FakePlatform) -> None:
    """A copy without pg_wal is not kept."""
    (tmp_path / "live" / "pg_wal" / "000000010000000000000001").unlink()
    with pytest.raises(OldBackupError, match="no pg_wal"):
        copied(platform, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["live"]


def test_a_volume_of_another_engine_is_refused(tmp_path: Path, platform: FakePlatform) -> None:
    """Files are copied by their own driver."""
    files = Volume(name="db_data", service="db", engine="files", category="data")
    with pytest.raises(DumpFailed, match="is no PostgreSQL volume"):
        copied(platform, tmp_path / "out", files)


def test_a_target_that_holds_something_is_refused(tmp_path: Path, platform: FakePlatform) -> None:
    """Nothing is mixed with what is there."""
    with pytest.raises(RestoreRefused, match="is not empty"):
        copied(platform, tmp_path / "live")
