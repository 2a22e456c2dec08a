"""The machine that is protected, as the configuration names it.

Holds the two kinds of platform. Keep out: talking to them, which ``platforms`` does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from alt_backup_assets.values import Frozen, LocatedPath, Name, Variable, one_word


def _project(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
        raise ValueError("must be lower-case letters, digits, `_` and `-`, as Compose requires")
    return value


def _engine_url(value: str) -> str:
    if not re.match(r"(unix|tcp|https?|ssh)://.", value):
        raise ValueError("must be an engine's URL such as unix:///var/run/docker.sock")
    return value


def _no_secret(value: str) -> str:
    if re.search(r"(PASSWORD|SECRET|TOKEN|KEY)$", value, re.IGNORECASE):
        raise ValueError("would be a secret in an environment; use the path of a file instead")
    return value


PlatformName = Annotated[str, Field(min_length=1), AfterValidator(one_word)]
"""restic's ``--host``, fixed for ever."""

PublicVariable = Annotated[Variable, AfterValidator(_no_secret)]
"""An environment variable whose value may be shown."""


class LocalService(Frozen):
    """How commands of one service run on this machine (``local`` platform).

    Attributes:
        bin: Directories put in front of PATH: the service's own programs.
        env: Environment for its commands, such as PGHOST and PGPORT. Never a secret.
        run_as: Unix user to run them as, such as ``postgres``; None for our own.
        running: Exits with 0 where the service runs, and with anything else where it does not.
        start: Starts it, and returns; for ``alt-backup restore``.
        stop: Stops it, and returns when it has ended.
    """

    bin: tuple[LocatedPath, ...] = ()
    env: dict[PublicVariable, str] = Field(default_factory=dict)
    run_as: str | None = None
    running: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()


class LocalPlatform(Frozen):
    """Processes and directories on this machine."""

    kind: Literal["local"]
    name: PlatformName
    services: dict[Name, LocalService] = Field(default_factory=dict)
    volumes: dict[Name, LocatedPath] = Field(default_factory=dict)


class DockerPlatform(Frozen):
    """A Docker engine with one Compose project.

    Attributes:
        project: The Compose project whose services and volumes are protected.
        docker_host: The engine's URL; None for the environment's own.
        compose_files: The project's compose files, for drift; as after ``docker compose -f``.
        env_files: Its environment files, as after ``docker compose --env-file``.
        volumes_root: Where volumes are mounted read-only when we run in a container.
        throwaway_memory_mb: Memory cap of a throw-away container. Half of it holds what is
            restored, where that surely fits.
        throwaway_cpus: CPU cap of a throw-away container.
    """

    kind: Literal["docker"]
    name: PlatformName
    project: Annotated[str, AfterValidator(_project)]
    docker_host: Annotated[str, AfterValidator(_engine_url)] | None = None
    compose_files: tuple[LocatedPath, ...] = ()
    env_files: tuple[LocatedPath, ...] = ()
    volumes_root: LocatedPath = Path("/data")
    throwaway_memory_mb: int = Field(default=2048, ge=128)
    throwaway_cpus: float = Field(default=2.0, gt=0, allow_inf_nan=False)
