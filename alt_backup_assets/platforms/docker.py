"""A Compose project on a Docker engine.

Holds the protocols of ``seam`` for containers. Keep out: how a command runs in a container
(``tools.docker``), what Compose calls things (``compose``) and what a throw-away container may
do (``docker_throwaway``).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from docker.api.client import APIClient
from docker.errors import NotFound

from alt_backup_assets.config import DockerPlatform
from alt_backup_assets.errors import ServiceNotFound, VolumeUnreadable
from alt_backup_assets.platforms import compose, docker_runs, docker_throwaway, docker_volumes
from alt_backup_assets.platforms.docker_place import DockerService
from alt_backup_assets.platforms.docker_throwaway import Recipe
from alt_backup_assets.platforms.live_volumes import PlatformVolumes
from alt_backup_assets.platforms.seam import Runtime, Service, Throwaway
from alt_backup_assets.tools.docker.engine import Container, answering, connect

_ID = "sha256:"
_ENDED = frozenset({"created", "exited", "dead"})
_STOP_SECONDS = 30


class DockerEngine:
    """One Compose project on one engine. The engine is contacted on first use.

    Args:
        config: Which engine and which project.
    """

    def __init__(self, config: DockerPlatform) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The platform's name."""
        return self._config.name

    @cached_property
    def _api(self) -> APIClient:
        return connect(self._config.docker_host)

    def service(self, service: str) -> Service:
        """Find the one running container of a Compose service.

        Raises:
            ServiceNotFound: There is none, or there are several.
            PlatformError: The engine does not answer.
        """
        found = compose.find_container(self._api, self._config.project, service)
        with answering(f"container {found.name}"):
            try:
                details = self._api.inspect_container(found.id)
            except NotFound:
                raise ServiceNotFound(f"container {found.name} was just removed") from None
        label = f"{service} (container {found.name})"
        networks = details["NetworkSettings"]["Networks"].values()
        return DockerService(
            Container(self._api, found.id, label, details["State"]["StartedAt"]),
            Runtime(image=details["Config"]["Image"], image_id=details["Image"]),
            addresses=tuple(network["IPAddress"] for network in networks if network["IPAddress"]),
        )

    def is_running(self, service: str) -> bool:
        """Tell whether a container of a service runs; see ``Platform.is_running``."""
        own = compose.find_own(self._api, self._config.project, service)
        return any(container.state not in _ENDED for container in own)

    def image(self, service: str) -> str | None:
        """Return the image of a service's containers; see ``Platform.image``."""
        own = compose.find_own(self._api, self._config.project, service)
        named = {container.image for container in own if not container.image.startswith(_ID)}
        return next(iter(named)) if len(named) == 1 else None

    def start(self, service: str) -> None:
        """Start the one container of a service; see ``Platform.start``."""
        own = compose.find_own(self._api, self._config.project, service)
        if len(own) > 1:
            names = ", ".join(container.name for container in own)
            raise ServiceNotFound(f"service `{service}` has several containers ({names})")
        with answering(f"to start {own[0].name}"):
            self._api.start(own[0].id)

    def stop(self, service: str) -> None:
        """Stop every container of a service; see ``Platform.stop``."""
        for container in compose.find_own(self._api, self._config.project, service):
            with answering(f"to stop {container.name}"):
                self._api.stop(container.id, timeout=_STOP_SECONDS)

    def volume_path(self, volume: str, service: str) -> Path:
        """Return where a volume is mounted here, or else where the engine keeps it.

        Raises:
            VolumeUnreadable: Neither is there, or it is not readable.
            PlatformError: The engine does not answer.
        """
        mounted = self._config.volumes_root / volume
        if not mounted.is_dir():
            return compose.find_volume(self._api, self._config.project, volume)
        if not os.access(mounted, os.R_OK | os.X_OK):
            raise VolumeUnreadable(
                f"volume `{volume}` (of {service}): {mounted} cannot be read by this user"
            )
        return mounted

    def list_volumes(self) -> PlatformVolumes:
        """List the project's volumes, declared and live; see ``Platform.list_volumes``."""
        return docker_volumes.list_volumes(self._api, self._config)

    @property
    def memory_bytes(self) -> int:
        """Half of what a container may use: the other half is for the programs in it."""
        return (self._config.throwaway_memory_mb << 20) // 2

    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,
    ) -> AbstractContextManager[Throwaway]:
        """Make a container of the very image a dump was taken with.

        Raises:
            ServiceNotFound: Neither that image nor one of its name is on the engine.
            PlatformError: The engine does not answer, or refuses it.
        """
        recipe = Recipe(
            platform=self._config.name,
            service=service,
            image=self._image(service, runtime),
            memory_mb=self._config.throwaway_memory_mb,
            cpus=self._config.throwaway_cpus,
            user=user,
            directory_bytes=self.memory_bytes if in_memory else 0,
        )
        return docker_throwaway.open_throwaway(self._api, recipe)

    def sweep(self) -> tuple[str, ...]:
        """Remove throw-away containers nobody needs any more, and those of finished runs."""
        return (
            *docker_throwaway.sweep(self._api, self._config.name),
            *docker_runs.sweep(self._api, self._config.name),
        )

    def container_runs(self, container: str) -> bool:
        """Tell by its id, short or long, whether a container of the engine runs.

        Raises:
            PlatformError: The engine does not answer.
        """
        return docker_throwaway.runs(self._api, container)

    def _image(self, service: str, runtime: Runtime) -> str:
        for image in filter(None, (runtime.image_id, runtime.image)):
            with answering(f"image {image}"):
                try:
                    found = self._api.inspect_image(image)  # type: ignore[no-untyped-call]
                    return str(found["Id"])
                except NotFound:
                    continue
        raise ServiceNotFound(
            f"the image {service} was dumped with is no longer on the engine ({runtime.image}, "
            f"{runtime.image_id}): pull it, and start the drill again"
        )
