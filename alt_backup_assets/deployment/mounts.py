"""What a container of ours mounts: every volume, read-only, and what the configuration names.

Paths of the host are the same inside, so that one configuration file serves both the containers
and a command on the host. Keep out: how Compose and the engine want it written (``override``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from alt_backup_assets.config import Configuration, DockerPlatform
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.tools.restic.place import local_directory
from alt_backup_assets.values import Frozen


class Bind(Frozen):
    """A file or directory of the host, under the same path inside."""

    path: Path
    read_only: bool = True


class VolumeMount(Frozen):
    """A volume of the platform, read-only.

    Attributes:
        name: The registry's name for it.
        full_name: The engine's.
        target: Where it is mounted.
    """

    name: str
    full_name: str
    target: Path


class Mounts(Frozen):
    """Everything that is mounted, in a stable order."""

    binds: tuple[Bind, ...]
    volumes: tuple[VolumeMount, ...]


def docker_platform(config: Configuration) -> DockerPlatform:
    """Return the platform, if it is one that containers can back up.

    Raises:
        ConfigurationError: It is this machine itself.
    """
    if isinstance(config.platform, DockerPlatform):
        return config.platform
    raise ConfigurationError(
        "field `platform.kind` is `local`: services and volumes of this machine itself are backed "
        "up by a command or a unit of this machine (systemd/), not from containers"
    )


def read_mounts(configuration_file: Path, config: Configuration, registry: Registry) -> Mounts:
    """Return what has to be mounted for a configuration to mean the same in a container.

    Args:
        configuration_file: Where it was read from; its whole directory is mounted, so that a
            file which an editor replaces is not the old one inside.
        config: As loaded from there.
        registry: As loaded from there.

    Raises:
        ConfigurationError: The platform is not one of containers.
    """
    platform = docker_platform(config)
    beside = configuration_file.absolute().parent
    written = tuple(sorted(_written(config)))
    files = {*files_read(config, registry), *_paths(config.restic)}
    read = sorted(path for path in files if not _covered(path, (beside, *written)))
    return Mounts(
        binds=(
            *(Bind(path=path) for path in (beside, *read)),
            *(Bind(path=path, read_only=False) for path in written),
        ),
        volumes=tuple(
            VolumeMount(
                name=volume.name,
                full_name=f"{platform.project}_{volume.name}",
                target=platform.volumes_root / volume.name,
            )
            for volume in registry.planned
        ),
    )


def files_read(config: Configuration, registry: Registry) -> frozenset[Path]:
    """Return the files that are only read: secrets, keys, and the registry if it is the site's own.

    Args:
        config: The configuration.
        registry: As it was loaded for that configuration.
    """
    source = Path(registry.source).absolute()
    own = [] if _shipped(source) else [source]
    named = (config.repositories, config.signals.model_copy(update={"metrics": None}))
    return frozenset([*own, *_paths(registry.planned), *_paths(named)])


def _written(config: Configuration) -> set[Path]:
    """Return the directories we write to; one that is inside another comes with it."""
    repositories = config.repositories
    urls = [repositories.local.url, *([repositories.offsite.url] if repositories.offsite else [])]
    textfile = config.signals.metrics.textfile
    found = {
        config.directories.state,
        *filter(None, [config.directories.scratch, *map(local_directory, urls)]),
        *([textfile.parent] if textfile else []),
    }
    return {path for path in found if not _covered(path, found - {path})}


def _paths(value: object) -> Iterator[Path]:
    """Return every absolute path in a value, however deep: a field that is new is not forgotten."""
    if isinstance(value, Path):
        if value.is_absolute():
            yield value
    elif isinstance(value, BaseModel):
        yield from _paths([getattr(value, field) for field in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _paths(tuple(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for part in value:
            yield from _paths(part)


def _covered(path: Path, directories: Iterable[Path]) -> bool:
    return any(path.is_relative_to(directory) for directory in directories) or _shipped(path)


def _shipped(path: Path) -> bool:
    """Tell whether a file came with the package, and so is in the image."""
    return path.is_relative_to(Path(__file__).parents[1])
