"""The files a repository needs are looked at before restic is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.config import Repository, Sftp
from alt_backup_assets.errors import ConfigurationError, RepositoryMissing
from alt_backup_assets.tools.restic.place import (
    directory_bytes,
    environment_variables,
    local_directory,
    require_files,
)


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Repository:
    for name in ("password", "id", "known", "key"):
        (tmp_path / name).write_text(f"content of {name}\n")
    return Repository(
        url="sftp:host:/repo",
        password_file=tmp_path / "password",
        sftp=Sftp(identity_file=tmp_path / "id", known_hosts_file=tmp_path / "known"),
        environment_files={"AWS_SECRET_ACCESS_KEY": tmp_path / "key"},
    )


def test_good_files_pass(place: Repository) -> None:
    """Nothing to say, and the variable has its file's content without the line break."""
    require_files(place)
    assert environment_variables(place) == {"AWS_SECRET_ACCESS_KEY": "content of key"}


@pytest.mark.parametrize(
    ("name", "field"),
    [("password", "`password_file`"), ("id", "`sftp.identity_file`"), ("known", "`sftp.known")],
)
@pytest.mark.parametrize("fault", ["missing", "empty", "directory", "binary"])
def test_a_bad_file_is_refused_by_name(
    place: Repository, tmp_path: Path, name: str, field: str, fault: str
) -> None:
    """Restic would ask on a terminal, and ssh would try other keys."""
    path = tmp_path / name
    path.unlink()
    if fault == "empty":
        path.write_text("\n")
    elif fault == "directory":
        path.mkdir()
    elif fault == "binary":
        path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=field) as caught:
        require_files(place)
    assert str(path) in str(caught.value)


def test_a_missing_environment_file_is_refused_by_name(place: Repository, tmp_path: Path) -> None:
    """A cloud back end without its key is a mistake in the configuration."""
    (tmp_path / "key").unlink()
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY"):
        environment_variables(place)


def test_two_sides_share_one_environment(place: Repository, tmp_path: Path) -> None:
    """The same value twice is fine; two values of one name are refused, and neither is shown."""
    assert environment_variables(place, place) == environment_variables(place)
    (tmp_path / "key2").write_text("another secret")
    other = place.model_copy(
        update={"environment_files": {"AWS_SECRET_ACCESS_KEY": tmp_path / "key2"}}
    )
    with pytest.raises(ConfigurationError, match="differs") as caught:
        environment_variables(place, other)
    assert "content of key" not in str(caught.value)
    assert "another secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("/srv/repo", Path("/srv/repo")),
        ("local:/srv/repo", Path("/srv/repo")),
        ("sftp:host:/srv/repo", None),
        ("rest:http://host/", None),
        ("s3:s3.example.org/bucket", None),
    ],
)
def test_only_a_directory_is_local(url: str, directory: Path | None) -> None:
    """Every other back end is counted by restic."""
    assert local_directory(url) == directory


def test_a_directorys_bytes_are_those_of_its_files(tmp_path: Path) -> None:
    """Nested files count, directories do not; a missing one is not empty."""
    (tmp_path / "data/ab").mkdir(parents=True)
    (tmp_path / "data/ab/pack").write_bytes(b"x" * 1000)
    (tmp_path / "config").write_bytes(b"y" * 10)
    (tmp_path / "gone").symlink_to("nowhere")  # as a file that restic removes meanwhile
    assert directory_bytes(tmp_path) == 1010
    with pytest.raises(RepositoryMissing):
        directory_bytes(tmp_path / "nothing")
