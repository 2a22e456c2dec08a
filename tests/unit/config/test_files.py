"""The files a configuration points at: one sentence for each that cannot do its work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alt_backup_assets.config import Configuration, check_files, load_configuration

CONTENT = """
platform: {kind: local, name: demo}
registry: demo
timezone: UTC
directories: {state: state, scratch: scratch}
repositories:
  local: {url: repo, password_file: local}
  offsite:
    url: sftp:host:/repo
    password_file: offsite
    environment_files: {RESTIC_REST_PASSWORD: rest}
    sftp: {identity_file: id, known_hosts_file: known_hosts}
signals:
  pings: {daily: ping}
  ping_service: {key_file: key}
  messages: messages
"""


@pytest.fixture(name="configuration")
def _configuration(tmp_path: Path) -> Configuration:
    for name, mode in {
        "local": 0o600,
        "offsite": 0o400,
        "rest": 0o600,
        "id": 0o600,
        "ping": 0o600,
        "key": 0o600,
        "messages": 0o600,
        "known_hosts": 0o644,
    }.items():
        (tmp_path / name).write_text("content\n")
        (tmp_path / name).chmod(mode)
    (tmp_path / "alt-backup.yaml").write_text(CONTENT)
    return load_configuration(tmp_path / "alt-backup.yaml")


def test_good_files_give_no_sentence(configuration: Configuration) -> None:
    """Closed, filled secrets and directories that can be made are nothing to speak of."""
    assert check_files(configuration) == ()


def test_nothing_is_made_by_looking(configuration: Configuration) -> None:
    """Checking a state directory does not make it."""
    check_files(configuration)
    assert not configuration.directories.state.exists()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("local", "repositories.local.password_file"),
        ("offsite", "repositories.offsite.password_file"),
        ("rest", "repositories.offsite.environment_files.RESTIC_REST_PASSWORD"),
        ("id", "repositories.offsite.sftp.identity_file"),
        ("known_hosts", "repositories.offsite.sftp.known_hosts_file"),
        ("ping", "signals.pings.daily"),
        ("key", "signals.ping_service.key_file"),
        ("messages", "signals.messages"),
    ],
)
def test_a_missing_file_is_named_with_its_field(
    configuration: Configuration, tmp_path: Path, name: str, field: str
) -> None:
    """Every file that is named is looked for."""
    (tmp_path / name).unlink()
    assert check_files(configuration) == (f"{field}: {tmp_path / name} does not exist",)


@pytest.mark.parametrize("content", [b"", b"\n", b" \n"])
def test_a_password_file_without_a_password_is_empty(
    configuration: Configuration, tmp_path: Path, content: bytes
) -> None:
    """A file that holds only white space holds no password."""
    path = tmp_path / "local"
    path.write_bytes(content)
    assert check_files(configuration) == (f"repositories.local.password_file: {path} is empty",)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("local", "repositories.local.password_file"),
        ("id", "repositories.offsite.sftp.identity_file"),
    ],
)
def test_a_secret_that_others_can_open_is_reported(
    configuration: Configuration, tmp_path: Path, name: str, field: str, mode: int
) -> None:
    """Group and others must not reach a password or a private key."""
    path = tmp_path / name
    path.chmod(mode)
    assert check_files(configuration) == (
        f"{field}: {path} is open to group or others (mode {mode:04o}); chmod 600 it",
    )


def test_a_directory_in_place_of_a_secret_is_reported(
    configuration: Configuration, tmp_path: Path
) -> None:
    """A missing bind source becomes a directory; it is not taken for the file."""
    path = tmp_path / "local"
    path.unlink()
    path.mkdir()
    assert check_files(configuration) == (
        f"repositories.local.password_file: {path} is a directory, not a file",
    )


def test_a_pipe_in_place_of_a_secret_is_reported_and_not_waited_for(
    configuration: Configuration, tmp_path: Path
) -> None:
    """Reading something that never ends is not tried."""
    path = tmp_path / "local"
    path.unlink()
    os.mkfifo(path)
    assert check_files(configuration) == (
        f"repositories.local.password_file: {path} is not a regular file",
    )


def test_an_unreadable_secret_is_reported_with_the_reason(
    configuration: Configuration, tmp_path: Path
) -> None:
    """Whatever keeps a file from being read is said."""
    path = tmp_path / "local"
    path.unlink()
    path.symlink_to(path)
    [problem] = check_files(configuration)
    assert problem.startswith(
        f"repositories.local.password_file: {path} cannot be read: Too many levels"
    )


@pytest.mark.parametrize("name", ["state", "scratch"])
def test_a_directory_that_cannot_be_made_is_reported(
    configuration: Configuration, tmp_path: Path, name: str
) -> None:
    """A file in the way of our directories is found before the first dump."""
    path = tmp_path / name
    path.write_text("in the way")
    assert check_files(configuration) == (
        f"directories.{name}: {path} cannot be a directory: {path} is a file",
    )


def test_a_directory_below_a_file_is_reported(configuration: Configuration, tmp_path: Path) -> None:
    """The file may also be further up."""
    state = tmp_path / "local" / "deep" / "state"
    directories = configuration.directories.model_copy(update={"state": state})
    moved = configuration.model_copy(update={"directories": directories})
    assert check_files(moved) == (
        f"directories.state: {state} cannot be a directory: {tmp_path / 'local'} is a file",
    )


def test_a_directory_without_permission_is_reported(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where we must not write, nothing can be kept; the root user of a test may write anywhere."""
    monkeypatch.setattr("os.access", lambda *_: False)
    made, missing = configuration.directories.scratch, configuration.directories.state
    assert made is not None
    made.mkdir()
    assert check_files(configuration) == (
        f"directories.state: {missing} cannot be made: no permission to write in {missing.parent}",
        f"directories.scratch: {made} cannot be written to: no permission to write in {made}",
    )


def test_a_directory_that_cannot_be_reached_is_reported(
    configuration: Configuration, tmp_path: Path
) -> None:
    """A path that leads nowhere is a sentence, not a crash."""
    state = tmp_path / ("x" * 300)
    directories = configuration.directories.model_copy(update={"state": state})
    moved = configuration.model_copy(update={"directories": directories})
    assert check_files(moved) == (
        f"directories.state: {state} cannot be reached: File name too long",
    )


def test_all_problems_are_reported_together(configuration: Configuration, tmp_path: Path) -> None:
    """One wrong file does not hide the next."""
    for name in ("local", "offsite", "rest", "id", "known_hosts"):
        (tmp_path / name).unlink()
    (tmp_path / "state").write_text("in the way")
    assert len(check_files(configuration)) == 6
