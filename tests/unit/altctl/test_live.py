"""Putting a volume of an old backup in the place of the live one: whole, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from alt_backup_assets.altctl import tar
from alt_backup_assets.errors import (
    ConfigurationError,
    NotEnoughSpace,
    OldBackupError,
    PlatformError,
    RestoreFailed,
    RestoreRefused,
    VolumeBusy,
)
from alt_backup_assets.registry.volume import Registry, Volume
from alt_backup_assets.restoration import old_backups
from alt_backup_assets.restoration.old_backups import restore_live
from alt_backup_assets.site import Site
from tests.altctl_backup import MEMBERS, PGDATA, tar_gz, write_backup
from tests.fakes.pgarchive import Builder
from tests.fakes.platform import Answer, FakePlace, FakePlatform
from tests.fakes.site import fake_site

REGISTRY = Registry(
    source="volumes.yaml",
    volumes=(
        Volume(name="tokens", service="auth", engine="files", category="data"),
        Volume(
            name="db_data",
            service="db",
            engine="postgresql",
            category="critical",
            databases=("alt",),
            user="alt_db_user",
        ),
    ),
)
LIVE = {"token.json": b"of today"}


@pytest.fixture(name="platform")
def _platform(tmp_path: Path) -> FakePlatform:
    platform = FakePlatform()
    for service, volume in (("auth", "tokens"), ("db", "db_data")):
        platform.add(service)
        platform.volumes[volume] = tmp_path / "live" / volume
        platform.volumes[volume].mkdir(parents=True)
        (platform.volumes[volume] / "token.json").write_bytes(b"of today")
    return platform


@pytest.fixture(name="site")
def _site(tmp_path: Path, platform: FakePlatform) -> Site:
    return fake_site(tmp_path, REGISTRY, platform=platform)


@pytest.fixture(name="old")
def _old(tmp_path: Path) -> Path:
    files = {"tokens.tar.gz": tar_gz(MEMBERS), "db_data.dump": Builder().archive()}
    return write_backup(tmp_path / "old", files)


def held(platform: FakePlatform, volume: str = "tokens") -> dict[str, bytes]:
    """Return every file of a live volume, and see that nothing lies beside it."""
    place = platform.volumes[volume]
    assert sorted(p.name for p in place.parent.iterdir()) == ["db_data", "tokens"]
    below = (each for each in place.rglob("*") if each.is_file())
    return {str(each.relative_to(place)): each.read_bytes() for each in below}


def test_a_stopped_service_gets_its_files_back(
    site: Site, platform: FakePlatform, old: Path
) -> None:
    """The directory is exchanged as a whole: what was there is gone, and nothing is started."""
    platform.stopped.add("auth")
    restored, where = restore_live(site, old, "tokens")
    assert restored.name == "tokens"
    assert "the volume tokens" in where
    assert held(platform) == MEMBERS
    assert platform.told == []


def test_a_running_service_is_refused(site: Site, platform: FakePlatform, old: Path) -> None:
    """Nothing is replaced under a program that uses it."""
    with pytest.raises(RestoreRefused, match="--force"):
        restore_live(site, old, "tokens")
    assert held(platform) == LIVE
    assert platform.told == []


def test_force_stops_it_and_starts_it_again(site: Site, platform: FakePlatform, old: Path) -> None:
    """The service stands still only while the directory is exchanged."""
    restore_live(site, old, "tokens", force=True)
    assert held(platform) == MEMBERS
    assert platform.told == [("stop", "auth"), ("start", "auth")]


def test_a_dry_run_touches_nothing(site: Site, platform: FakePlatform, old: Path) -> None:
    """It says what would be replaced."""
    assert "tokens" in restore_live(site, old, "tokens", force=True, dry_run=True)[1]
    assert held(platform) == LIVE
    assert platform.told == []


def test_a_backup_that_is_not_sound_touches_nothing(
    site: Site, platform: FakePlatform, old: Path
) -> None:
    """Verification comes before anything is stopped."""
    (old / "volumes" / "tokens.tar.gz").write_bytes(b"")
    with pytest.raises(OldBackupError):
        restore_live(site, old, "tokens", force=True)
    assert held(platform) == LIVE
    assert platform.told == []


def test_a_full_disk_touches_nothing(
    site: Site, platform: FakePlatform, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service is not even stopped."""

    def full(_file: Path, _directory: Path) -> None:
        raise NotEnoughSpace("too little room")

    monkeypatch.setattr(tar, "unpack", full)
    with pytest.raises(NotEnoughSpace):
        restore_live(site, old, "tokens", force=True)
    assert held(platform) == LIVE
    assert platform.told == []


def test_a_failed_exchange_starts_the_service_with_the_old_data(
    site: Site, platform: FakePlatform, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left with a stopped service."""

    def refused(_one: Path, _other: Path) -> None:
        raise PlatformError("this system has no renameat2")

    monkeypatch.setattr(old_backups, "exchange", refused)
    with pytest.raises(RestoreFailed, match="holds what it held before: this system"):
        restore_live(site, old, "tokens", force=True)
    assert held(platform) == LIVE
    assert platform.told == [("stop", "auth"), ("start", "auth")]


def test_a_service_that_does_not_start_again_is_told(
    site: Site, platform: FakePlatform, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that the volume holds the old backup now."""

    def refused(_service: str) -> None:
        raise PlatformError("auth did not start")

    monkeypatch.setattr(platform, "start", refused)
    with pytest.raises(RestoreFailed, match="holds the files of the old backup: auth did not"):
        restore_live(site, old, "tokens", force=True)
    assert held(platform) == MEMBERS


def test_a_service_that_was_started_meanwhile_keeps_its_data(
    site: Site, platform: FakePlatform, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacking takes its time, and somebody may start the service in it."""
    unpack = tar.unpack

    def slowly(file: Path, directory: Path) -> None:
        unpack(file, directory)
        platform.stopped.clear()

    platform.stopped.add("auth")
    monkeypatch.setattr(tar, "unpack", slowly)
    with pytest.raises(RestoreFailed, match="started meanwhile"):
        restore_live(site, old, "tokens")
    assert held(platform) == LIVE


def test_what_a_killed_run_left_is_removed(site: Site, platform: FakePlatform, old: Path) -> None:
    """A rerun converges."""
    (platform.volumes["tokens"].parent / ".alt-backup-old-tokens" / "tree").mkdir(parents=True)
    restore_live(site, old, "tokens", force=True)
    assert held(platform) == MEMBERS


def test_another_run_on_the_volume_is_refused(
    site: Site, platform: FakePlatform, old: Path
) -> None:
    """Never two runs of one volume at once."""
    with site.lock("tokens"), pytest.raises(VolumeBusy):
        restore_live(site, old, "tokens", force=True)
    assert held(platform) == LIVE


def test_a_name_the_registry_does_not_have_is_refused(site: Site, old: Path) -> None:
    """Names resolve exactly."""
    with pytest.raises(ConfigurationError, match="did you mean `tokens`"):
        restore_live(site, old, "token")


def test_a_cluster_goes_back_only_where_it_starts(
    site: Site, platform: FakePlatform, tmp_path: Path
) -> None:
    """PGDATA without pg_wal, and a tar without PGDATA, never replace a PostgreSQL volume."""
    whole = write_backup(tmp_path / "whole", {"db_data.tar.gz": tar_gz(PGDATA)})
    wal = {name: content for name, content in PGDATA.items() if "pg_wal" not in name}
    cut = write_backup(tmp_path / "cut", {"db_data.tar.gz": tar_gz(wal)})
    other = write_backup(tmp_path / "other", {"db_data.tar.gz": tar_gz(MEMBERS)})
    with pytest.raises(OldBackupError, match="no pg_wal"):
        restore_live(site, cut, "db_data", force=True)
    with pytest.raises(RestoreRefused, match="no PostgreSQL data"):
        restore_live(site, other, "db_data", force=True)
    assert held(platform, "db_data") == LIVE
    assert platform.told == []
    restore_live(site, whole, "db_data", force=True)
    assert held(platform, "db_data") == PGDATA


def database_server(place: FakePlace, restored: Answer | None = None) -> None:
    """Script a server that takes a dump."""
    arrived = Builder().archive()
    line = f"{hashlib.sha256(arrived).hexdigest()}  archive\n".encode()
    for words in (("rm",), ("mkdir",), ("tee",)):
        place.script(*words)
    place.script("psql", answers=[Answer(stdout=b"2026-02-27 18:00:00+00\n")])
    place.script("sha256sum", answers=[Answer(stdout=line)])
    place.script("pg_restore", answers=[restored or Answer()])


def test_a_dump_is_loaded_as_one_transaction(site: Site, platform: FakePlatform, old: Path) -> None:
    """The registry names user and database; the private copy in the service is removed."""
    place = platform.services["db"]
    database_server(place)
    _, where = restore_live(site, old, "db_data", force=True)
    assert where == "database alt of db"
    (loaded,) = (call.argv for call in place.calls if call.argv[0] == "pg_restore")
    for word in ("--clean", "--if-exists", "--single-transaction", "alt", "alt_db_user"):
        assert word in loaded
    assert place.calls[-1].argv[:2] == ("rm", "-rf")


def test_a_stopped_server_is_started_for_its_dump(
    site: Site, platform: FakePlatform, old: Path
) -> None:
    """Nobody uses it, so nothing has to be forced."""
    platform.stopped.add("db")
    database_server(platform.services["db"])
    restore_live(site, old, "db_data")
    assert platform.told == [("start", "db")]


def test_a_running_server_is_refused_without_force(
    site: Site, platform: FakePlatform, old: Path
) -> None:
    """Clients would lose their data under their feet."""
    with pytest.raises(RestoreRefused, match="under its clients"):
        restore_live(site, old, "db_data")
    assert platform.services["db"].calls == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(exit_code=1, stderr='role "alt" does not exist'),
        Answer(too_slow=True),
        Answer(vanish=True),
        Answer(missing=True),
    ],
)
def test_a_load_that_does_not_end_well_is_red(
    site: Site, platform: FakePlatform, old: Path, answer: Answer
) -> None:
    """What the server said is told, and what the database holds."""
    database_server(platform.services["db"], answer)
    with pytest.raises(RestoreFailed, match="alt is as it was") as caught:
        restore_live(site, old, "db_data", force=True)
    assert answer.stderr in str(caught.value)


def test_a_dump_for_no_single_database_is_refused(site: Site, old: Path, tmp_path: Path) -> None:
    """A dump is of one database, and the registry must name it."""
    made = write_backup(tmp_path / "b", {"tokens.dump": Builder().archive()})
    with pytest.raises(RestoreRefused, match="--to DIR"):
        restore_live(site, made, "tokens", force=True)
