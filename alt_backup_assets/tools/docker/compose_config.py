"""What compose files declare, by Compose's own reading of them.

Holds one call of ``docker compose config`` and the few values kept of its answer. Includes,
profiles and interpolation are Compose's to resolve. The answer holds every secret that stands in
an environment; nothing of it is kept but what is named here. Keep out: what the engine has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alt_backup_assets.errors import ToolFailed, ToolMissing
from alt_backup_assets.tools import process

KEPT = ("POSTGRES_DB", "POSTGRES_USER")
"""The environment variables that are read; never one that may hold a secret."""

_TIMEOUT_SECONDS = 120
_NO_PLUGIN = re.compile(
    r"unknown command: docker compose|not a docker command|unknown shorthand flag: 'f'"
)
_INSTALL = (
    "drift needs Docker Compose v2 (2.24 or newer): install the plugin so that"
    " `docker compose version` works"
)


@dataclass(frozen=True)
class DeclaredService:
    """A service of the compose files.

    Attributes:
        image: Its image; empty where it is built.
        environment: Those of ``KEPT`` it sets.
        volumes: Keys of the named volumes it mounts.
    """

    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Declared:
    """What the compose files of a project declare.

    Attributes:
        services: Every service, whatever its profile.
        volumes: Full names of the volumes that services mount, by their key.
        external: Keys of those that are made by somebody else, and so are not labelled.
    """

    services: Mapping[str, DeclaredService]
    volumes: Mapping[str, str]
    external: frozenset[str] = frozenset()


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Mount(_Answer):
    type: str
    source: str = ""


class _Service(_Answer):
    image: str = ""
    environment: dict[str, str | None] | None = None
    volumes: tuple[_Mount, ...] | None = None


class _Volume(_Answer):
    name: str
    external: bool = False


class _Config(_Answer):
    services: dict[str, _Service] = Field(default_factory=dict)
    volumes: dict[str, _Volume] = Field(default_factory=dict)


def read_compose(project: str, files: Sequence[Path], env_files: Sequence[Path]) -> Declared:
    """Have Compose read a project's files; the engine is not needed for it.

    Args:
        project: The project's name.
        files: Its compose files, in the order of ``-f``.
        env_files: Its environment files, in the order of ``--env-file``.

    Returns:
        What they declare. Volumes no service mounts are left out by Compose itself.

    Raises:
        ToolMissing: There is no Docker client, or it has no plugin Compose.
        ToolFailed: Compose refused a file, or its answer cannot be read.
        ToolTimeout: It did not end in time.

    Source: manual of ``docker compose config``; Compose specification, `name` of volumes.
    """
    argv = [
        *("docker", "compose", "-p", project, "--profile", "*"),
        *(word for file in files for word in ("-f", str(file))),
        *(word for file in env_files for word in ("--env-file", str(file))),
        *("config", "--format", "json"),
    ]
    try:
        done = process.run(argv, timeout_seconds=_TIMEOUT_SECONDS)
    except ToolMissing:
        raise ToolMissing(f"there is no program `docker` here; {_INSTALL}") from None
    if done.exit_code != 0:
        if _NO_PLUGIN.search(done.stderr_tail):
            raise ToolMissing(f"the program `docker` knows no `compose`; {_INSTALL}")
        said = process.failure("docker compose config", done.exit_code, done.stderr_tail)
        raise ToolFailed(f"the compose files cannot be read: {said}", done.exit_code)
    return _parse(done.stdout)


def _parse(answer: bytes) -> Declared:
    try:
        config = _Config.model_validate_json(answer)
    except ValidationError:  # it would quote the answer, which holds secrets
        raise ToolFailed(
            "the answer of `docker compose config` cannot be read: it is cut off, or not of"
            " Compose v2; run it by hand and look"
        ) from None
    if not config.services:
        raise ToolFailed("the compose files declare no service at all: set platform.compose_files")
    return Declared(
        services={name: _service(service) for name, service in config.services.items()},
        volumes={key: volume.name for key, volume in config.volumes.items()},
        external=frozenset(key for key, volume in config.volumes.items() if volume.external),
    )


def _service(service: _Service) -> DeclaredService:
    environment = service.environment or {}
    return DeclaredService(
        image=service.image,
        environment={name: value for name in KEPT if (value := environment.get(name))},
        volumes=frozenset(
            mount.source
            for mount in service.volumes or ()
            if mount.type == "volume" and mount.source
        ),
    )
