"""The configuration chooses the platform, and nothing is touched by choosing."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alt_backup_assets.config import (
    Configuration,
    Directories,
    DockerPlatform,
    LocalPlatform,
    Repositories,
    Repository,
)
from alt_backup_assets.errors import PlatformError
from alt_backup_assets.platforms import open_platform
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.platforms.seam import Runtime


def configuration(
    tmp_path: Path, platform: LocalPlatform | DockerPlatform, scratch: Path | None = None
) -> Configuration:
    """Return a configuration of a platform."""
    local = Repository(url=str(tmp_path / "repo"), password_file=tmp_path / "password")
    return Configuration(
        platform=platform,
        registry="demo",
        timezone=ZoneInfo("UTC"),
        directories=Directories(state=tmp_path / "state", scratch=scratch),
        repositories=Repositories(local=local),
    )


@pytest.mark.parametrize("given", [True, False], ids=["given", "inside state"])
def test_the_local_platform_makes_its_targets_in_scratch(tmp_path: Path, given: bool) -> None:
    """`directories.scratch`, or a directory inside `state`, made on first use."""
    here = LocalPlatform(kind="local", name="here")
    expected = tmp_path / "room" if given else tmp_path / "state" / "scratch"
    platform = open_platform(configuration(tmp_path, here, expected if given else None))
    assert isinstance(platform, LocalMachine)
    assert platform.name == "here"
    assert list(tmp_path.iterdir()) == []
    with platform.throwaway("any", Runtime("local", "")) as place:
        assert Path(place.directory).is_relative_to(expected)


def test_the_docker_platform_is_contacted_on_first_use(tmp_path: Path) -> None:
    """Choosing it needs no engine; an engine that will not do is said when it is used."""
    there = DockerPlatform(
        kind="docker", name="alt", project="alt", docker_host="tcp://127.0.0.1:1"
    )
    platform = open_platform(configuration(tmp_path, there))
    assert isinstance(platform, DockerEngine)
    assert platform.name == "alt"
    with pytest.raises(PlatformError, match="does not answer"):
        platform.sweep()
