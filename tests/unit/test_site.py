"""A site: backup days, directories, locks, and how it is put together."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from alt_backup_assets.errors import ConfigurationError, VolumeBusy
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.tools import interruption
from tests.fakes.clock import Clock
from tests.fakes.site import fake_site


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return fake_site(tmp_path)


@pytest.mark.parametrize(
    ("hour", "day"), [(14, date(2026, 11, 23)), (15, date(2026, 11, 24)), (23, date(2026, 11, 24))]
)
def test_a_backup_day_is_the_configured_zones(tmp_path: Path, hour: int, day: date) -> None:
    """In Tokyo a new day begins at 15:00 UTC, whatever zone this machine is in."""
    site = fake_site(tmp_path, now=Clock(datetime(2026, 11, 23, hour, tzinfo=UTC)))
    assert site.today == day


def test_our_directories_are_closed_to_others(site: Site) -> None:
    """State and scratch are made on first use, for our user only."""
    assert not site.config.directories.state.exists()
    assert site.state.stat().st_mode & 0o777 == 0o700
    assert site.scratch == site.state / "scratch"
    assert site.scratch.stat().st_mode & 0o777 == 0o700


def test_scratch_can_be_elsewhere(tmp_path: Path) -> None:
    """Room for restores need not be on the disk of the dumps."""
    directories = {"state": str(tmp_path / "state"), "scratch": str(tmp_path / "big/scratch")}
    site = fake_site(tmp_path, settings={"directories": directories})
    assert site.scratch == tmp_path / "big/scratch"
    assert site.scratch.is_dir()


def test_a_held_lock_is_refused_at_once(site: Site) -> None:
    """A second run of a volume is told that it is busy, and by which name."""
    with site.lock("db_data"), pytest.raises(VolumeBusy, match="db_data"), site.lock("db_data"):
        pytest.fail("two runs held one volume")


def test_locks_of_different_names_are_independent(site: Site) -> None:
    """Volumes are worked on side by side."""
    with site.lock("db_data"), site.lock("token-data"):
        assert sorted(path.name for path in (site.state / "locks").iterdir()) == [
            "db_data.lock",
            "token-data.lock",
        ]


def test_a_lock_is_let_go_of_when_the_work_fails(site: Site) -> None:
    """What fails does not keep the volume from the next run."""
    with pytest.raises(ZeroDivisionError), site.lock("db_data"):
        raise ZeroDivisionError
    with site.lock("db_data"):
        pass


def test_a_patient_run_gets_the_lock_when_it_is_free(site: Site) -> None:
    """Waiting ends when the holder is done, and not before."""
    order = []
    is_held = threading.Event()

    def hold() -> None:
        with site.lock("db_data"):
            is_held.set()
            waited.wait(0.2)
            order.append("holder is done")

    waited = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait(5)
    with site.lock("db_data", wait_seconds=10):
        order.append("next one begins")
    holder.join()
    assert order == ["holder is done", "next one begins"]


def test_waiting_for_a_lock_has_an_end(site: Site) -> None:
    """Who waited long enough is told so."""
    with (
        site.lock("db_data"),
        pytest.raises(VolumeBusy),
        site.lock("db_data", wait_seconds=0.1),
    ):
        pytest.fail("two runs held one volume")


def test_waiting_for_a_lock_can_be_interrupted(site: Site) -> None:
    """Ctrl-C ends a thread that waits for a volume."""
    ended: list[str] = []

    def wait() -> None:
        try:
            with site.lock("db_data", wait_seconds=60):
                ended.append("got it")
        except KeyboardInterrupt:
            ended.append("interrupted")

    with site.lock("db_data"), interruption.stopping():
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(5)
        assert ended == ["interrupted"]


def _write(directory: Path, **changes: object) -> Path:
    config = {
        "platform": {"kind": "local", "name": "alt"},
        "registry": "demo",
        "timezone": "Asia/Tokyo",
        "directories": {"state": "state"},
        "repositories": {"local": {"url": "repository", "password_file": "password"}},
    }
    file = directory / "alt-backup.yaml"
    file.write_text(yaml.safe_dump(config | changes))
    return file


def test_a_site_opens_without_touching_the_world(tmp_path: Path) -> None:
    """Nothing is made or asked before it is used, so that status can speak of the rest."""
    site = open_site(_write(tmp_path))
    assert site.name == "alt"
    assert site.local.url == str(tmp_path / "repository")
    assert site.offsite is None
    assert site.registry.planned
    assert [path.name for path in tmp_path.iterdir()] == ["alt-backup.yaml"]


def test_a_configured_offsite_repository_is_there(tmp_path: Path) -> None:
    """Both repositories come from the one file."""
    places = {
        "local": {"url": "repository", "password_file": "password"},
        "offsite": {"url": "offsite", "password_file": "password"},
    }
    site = open_site(_write(tmp_path, repositories=places))
    assert site.offsite is not None
    assert site.offsite.url == str(tmp_path / "offsite")


def test_a_wrong_configuration_opens_nothing(tmp_path: Path) -> None:
    """The operator hears of the file and the field."""
    with pytest.raises(ConfigurationError, match=r"alt-backup\.yaml.*timezone"):
        open_site(_write(tmp_path, timezone="Asia/Tokio"))


def test_the_clock_of_an_opened_site_is_aware(tmp_path: Path) -> None:
    """Times are UTC and say so."""
    assert open_site(_write(tmp_path)).now().tzinfo is UTC
