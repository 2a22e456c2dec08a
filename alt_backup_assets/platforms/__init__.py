"""The machine that is protected: a Docker engine, or this machine itself.

``seam`` has the protocols everything else is written against; ``docker`` and ``local`` fulfil
them. Choose one here; keep the differences between the two inside their modules.
"""

from __future__ import annotations

from collections.abc import Callable

from alt_backup_assets.config import Configuration, DockerPlatform
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.platforms.seam import Platform


def open_platform(config: Configuration) -> Platform:
    """Return the configured platform. Nothing is contacted before it is first used."""
    if isinstance(config.platform, DockerPlatform):
        return DockerEngine(config.platform)
    directories = config.directories
    return LocalMachine(
        config.platform, scratch=directories.scratch or directories.state / "scratch"
    )


def container_runs(platform: Platform) -> Callable[[str], bool]:
    """Return what tells by its id whether a container runs; where nothing can tell, it does."""
    return platform.container_runs if isinstance(platform, DockerEngine) else lambda _id: True
