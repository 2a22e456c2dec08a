"""The local platform keeps the contract; and what only it can do."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

import pytest

from alt_backup_assets.config import LocalPlatform, LocalService
from alt_backup_assets.errors import (
    AltBackupError,
    ConfigurationError,
    PlatformError,
    ServiceNotFound,
    ToolFailed,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.platforms.owner import MAX_LIFETIME_SECONDS
from alt_backup_assets.platforms.seam import Platform, Runtime
from tests.platform_contract import PlatformContract

OURSELVES = pwd.getpwuid(os.geteuid()).pw_name
ANYBODY = "nobody" if os.geteuid() == 0 else OURSELVES
LOCAL = Runtime("local", "")


def machine(tmp_path: Path, service: LocalService | None = None) -> LocalMachine:
    """Return a machine with the service ``live-db`` and the volume ``live_data``."""
    volume, up = tmp_path / "live_data", tmp_path / "up"
    volume.mkdir()
    (volume / "hello").write_text("world")
    up.touch()
    default = LocalService(
        env={"LIVE": "1"},
        running=("test", "-e", str(up)),
        start=("touch", str(up)),
        stop=("rm", str(up)),
    )
    config = LocalPlatform(
        kind="local",
        name="here",
        services={"live-db": service or default},
        volumes={"live_data": volume, "gone_data": tmp_path / "gone"},
    )
    return LocalMachine(config, scratch=tmp_path / "scratch")


class TestLocalMachine(PlatformContract):
    """The contract, on this machine."""

    @pytest.fixture(name="platform")
    def _platform(self, tmp_path: Path) -> Platform:
        return machine(tmp_path)

    @pytest.fixture(name="platform_json")
    def _platform_json(self, tmp_path: Path) -> str:
        return (
            '{"kind": "local", "name": "here", "services": {"live-db": {}}, '
            f'"scratch": "{tmp_path / "scratch"}"}}'
        )

    def assert_gone(self, directory: str, label: str) -> None:
        """Look into the scratch directory."""
        assert "live-db" in label
        assert list(Path(directory).parents[1].iterdir()) == []


def test_nothing_tells_whether_a_service_runs_that_has_no_command_for_it(tmp_path: Path) -> None:
    """Unknown is neither yes nor no; and what cannot be started is refused with the remedy."""
    here = machine(tmp_path, LocalService())
    assert here.is_running("live-db") is None
    assert here.is_running("somebody") is None
    for act in (here.start, here.stop):
        with pytest.raises(PlatformError, match=r"platform\.services\.live-db\.start"):
            act("live-db")


def test_a_service_that_does_not_stop_is_an_error(tmp_path: Path) -> None:
    """The failure of its command is not swallowed."""
    here = machine(tmp_path, LocalService(stop=("false",)))
    with pytest.raises(ToolFailed, match="false exited with 1"):
        here.stop("live-db")


def program(directory: Path, name: str, says: str) -> Path:
    """Make a program that says something and return its directory."""
    directory.mkdir()
    (directory / name).write_text(f"#!/bin/sh\necho {says}\n")
    (directory / name).chmod(0o755)
    return directory


def test_the_services_own_programs_come_first(tmp_path: Path) -> None:
    """A program of the service's directory is taken instead of the machine's."""
    own = program(tmp_path / "bin", "cat", "mine")
    service = machine(tmp_path, LocalService(bin=(own,))).service("live-db")
    assert service.run(["cat"], timeout_seconds=20) == b"mine\n"
    assert service.run(["echo", "still"], timeout_seconds=20) == b"still\n"
    assert service.runtime == Runtime("local", str(own))


def test_a_target_has_the_programs_of_the_dump(tmp_path: Path) -> None:
    """The programs a dump was taken with go before those the service has now."""
    now = program(tmp_path / "now", "cat", "now")
    then = program(tmp_path / "then", "cat", "then")
    platform = machine(tmp_path, LocalService(bin=(now,)))
    with platform.throwaway("live-db", Runtime("local", str(then))) as place:
        assert place.run(["cat"], timeout_seconds=20) == b"then\n"
    with platform.throwaway("live-db", LOCAL) as place:
        assert place.run(["cat"], timeout_seconds=20) == b"now\n"


def test_a_target_works_for_a_service_that_was_retired(tmp_path: Path) -> None:
    """Old dumps stay drillable when the service has left the configuration."""
    with machine(tmp_path).throwaway("retired", LOCAL) as place:
        assert place.run(["echo", "here"], timeout_seconds=20) == b"here\n"


def test_programs_that_are_gone_are_named(tmp_path: Path) -> None:
    """A directory of programs that was removed is an error with the remedy."""
    gone = Runtime("local", str(tmp_path / "pg16"))
    with pytest.raises(ServiceNotFound, match=r"pg16.*install that version"):
        machine(tmp_path).throwaway("live-db", gone)


def test_commands_run_as_the_services_user(tmp_path: Path) -> None:
    """User, groups and home are those of ``run_as``; none of ours is kept."""
    account = pwd.getpwnam(ANYBODY)
    service = machine(tmp_path, LocalService(run_as=ANYBODY)).service("live-db")
    home = account.pw_dir if ANYBODY != OURSELVES else os.environ["HOME"]
    said = service.run(["sh", "-c", "id -u; id -g; echo $HOME"], timeout_seconds=20)
    assert said.decode().split() == [str(account.pw_uid), str(account.pw_gid), home]
    if ANYBODY != OURSELVES:
        assert service.run(["id", "-G"], timeout_seconds=20).split() == [b"%d" % account.pw_gid]


def test_an_unknown_user_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    """A user that does not exist is named before anything runs."""
    platform = machine(tmp_path, LocalService(run_as="no-such-user"))
    with pytest.raises(ConfigurationError, match="no-such-user"):
        platform.service("live-db")


def test_a_target_belongs_to_the_services_user(reachable: Path) -> None:
    """With ``run_as`` the directory and what is put there are for that user."""
    platform = machine(reachable, LocalService(run_as=ANYBODY))
    source = reachable / "secret.dump"
    source.write_text("secret")
    source.chmod(0o600)
    with platform.throwaway("live-db", LOCAL) as place:
        place.run(["touch", "made"], timeout_seconds=20)
        assert Path(place.directory, "made").owner() == ANYBODY
        path = Path(place.put(source))
        assert place.run(["cat", str(path)], timeout_seconds=20) == b"secret"
        assert path.stat().st_mode & 0o077 == 0
    assert source.read_text() == "secret"
    assert list((reachable / "scratch").iterdir()) == []


def test_a_scratch_directory_its_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    """A target nobody could work in is an error, and nothing of it stays."""
    tmp_path.chmod(0o700)
    platform = machine(tmp_path, LocalService(run_as="nobody"))
    with pytest.raises(AltBackupError), platform.throwaway("live-db", LOCAL):
        raise AssertionError("a target was made")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_volume_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    """A configured path that is not there is an error, never an empty volume."""
    with pytest.raises(VolumeUnreadable, match=r"gone is not a directory"):
        machine(tmp_path).volume_path("gone_data", "live-db")


def test_a_server_that_ignores_being_asked_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stays after SIGTERM does not keep the target from going."""
    monkeypatch.setattr("alt_backup_assets.platforms.processes.GRACE_SECONDS", 0.3)
    stubborn = "trap '' TERM; (while :; do sleep 0.05; done) >/dev/null 2>&1 </dev/null &"
    with machine(tmp_path).throwaway("live-db", LOCAL) as place:
        place.run(["setsid", "sh", "-c", stubborn], timeout_seconds=20)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_only_marked_directories_are_swept(tmp_path: Path) -> None:
    """What has our prefix but no mark, and what has neither, stays."""
    platform = machine(tmp_path)
    for name in ("alt-backup-unmarked", "somebody-elses"):
        (tmp_path / "scratch" / name).mkdir(parents=True)
    assert platform.sweep() == ()
    assert len(list((tmp_path / "scratch").iterdir())) == 2


def test_a_target_of_elsewhere_is_swept_when_it_is_too_old(tmp_path: Path) -> None:
    """Of another machine's process nothing is known; only age settles it."""
    root = tmp_path / "scratch" / "alt-backup-elsewhere"
    root.mkdir(parents=True)
    mark = root / "owner"
    mark.write_text("another-machine/1/1/1")
    platform = machine(tmp_path)
    assert platform.sweep() == ()
    long_ago = time.time() - MAX_LIFETIME_SECONDS - 60
    os.utime(mark, (long_ago, long_ago))
    assert platform.sweep() == (str(root),)
    assert not root.exists()


def test_a_sweep_before_the_first_target_finds_nothing(tmp_path: Path) -> None:
    """A scratch directory that was never made is no error."""
    assert machine(tmp_path).sweep() == ()
