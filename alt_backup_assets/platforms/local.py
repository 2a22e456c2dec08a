"""Services and volumes that are programs and directories of this machine.

The embedded platform of the demo, and machines without Docker. Keep out: anything an engine
driver could notice; it is written against ``seam`` alone.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.config import LocalPlatform, LocalService
from alt_backup_assets.errors import PlatformError, ServiceNotFound, ToolFailed, VolumeUnreadable
from alt_backup_assets.platforms import local_throwaway
from alt_backup_assets.platforms.live_volumes import PlatformVolume, PlatformVolumes
from alt_backup_assets.platforms.local_place import LocalPlace, other_user, unprivileged
from alt_backup_assets.platforms.seam import Runtime, Service, Throwaway
from alt_backup_assets.values import near_miss

_IMAGE = "local"
_CONTROL_SECONDS = 120


@dataclass(frozen=True)
class LocalServicePlace(LocalPlace):
    """The programs and the environment of one configured service."""

    @property
    def runtime(self) -> Runtime:
        """The first directory of its programs, or none where PATH is good enough."""
        return Runtime(_IMAGE, str(self.programs[0]) if self.programs else "")

    @property
    def address(self) -> str:
        """This machine."""
        return "127.0.0.1"


class LocalMachine:
    """This machine, with the services and volumes the configuration names.

    Args:
        config: The services and volumes.
        scratch: Where throw-away targets are made.
    """

    def __init__(self, config: LocalPlatform, *, scratch: Path) -> None:
        self._config = config
        self._scratch = scratch

    @property
    def name(self) -> str:
        """The platform's name."""
        return self._config.name

    def is_running(self, service: str) -> bool | None:
        """Ask a service's ``running`` command; None where it has none."""
        settings = self._config.services.get(service, LocalService())
        if not settings.running:
            return None
        try:
            self._command(service, settings.running)
        except ToolFailed:
            return False
        return True

    def image(self, service: str) -> str | None:
        """Return what stands for one here; see ``Platform.image``."""
        return self.service(service).runtime.image

    def start(self, service: str) -> None:
        """Run a service's ``start`` command; see ``Platform.start``."""
        self._command(service, self._config.services.get(service, LocalService()).start)

    def stop(self, service: str) -> None:
        """Run a service's ``stop`` command; see ``Platform.stop``."""
        self._command(service, self._config.services.get(service, LocalService()).stop)

    def _command(self, service: str, argv: tuple[str, ...]) -> None:
        if not argv:
            raise PlatformError(
                f"the configuration does not say how to start and stop {service}: set"
                f" platform.services.{service}.start and .stop, or do it by hand"
            )
        self.service(service).run(argv, timeout_seconds=_CONTROL_SECONDS)

    def service(self, service: str) -> Service:
        """Return a configured service; whether it runs shows when a command needs it.

        Raises:
            ServiceNotFound: It is not configured; the near miss is named.
            ConfigurationError: Its ``run_as`` is no user of this machine.
        """
        try:
            settings = self._config.services[service]
        except KeyError:
            near = near_miss(service, self._config.services)
            raise ServiceNotFound(
                f"the configuration has no service `{service}` under platform.services{near}"
            ) from None
        return LocalServicePlace(
            label=f"{service} (on this machine)",
            programs=settings.bin,
            own_env=settings.env,
            user=other_user(settings.run_as),
        )

    def volume_path(self, volume: str, service: str) -> Path:
        """Return the configured directory of a volume.

        Raises:
            VolumeUnreadable: It is not configured, not there, or not readable.
        """
        path = self._config.volumes.get(volume)
        if path is None:
            near = near_miss(volume, self._config.volumes)
            raise VolumeUnreadable(
                f"the configuration has no volume `{volume}` (of {service}) under "
                f"platform.volumes{near}"
            )
        if not path.is_dir():
            raise VolumeUnreadable(f"volume `{volume}`: {path} is not a directory")
        if not os.access(path, os.R_OK | os.X_OK):
            raise VolumeUnreadable(f"volume `{volume}`: {path} cannot be read by this user")
        return path

    def list_volumes(self) -> PlatformVolumes:
        """Return the configured directories; databases are behind their services."""
        volumes = (
            PlatformVolume(name=name, exists=path.is_dir(), declared_by=())
            for name, path in sorted(self._config.volumes.items())
        )
        services = frozenset(self._config.services)
        return PlatformVolumes(tuple(volumes), complete=False, services=services)

    @property
    def memory_bytes(self) -> int:
        """None: the directory is in ``directories.scratch``, whatever that is on."""
        return 0

    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,  # noqa: ARG002 -- there is no such memory here
    ) -> AbstractContextManager[Throwaway]:
        """Make a private directory for the same programs; see ``Platform.throwaway``.

        ``user`` is a user of an image; here the service's ``run_as`` stands for it. Without one,
        root's commands run unprivileged where the engine asks for a user at all.

        Raises:
            ServiceNotFound: The programs are no longer there.
            PlatformError: The directory cannot be made.
        """
        programs = Path(runtime.image_id)
        if runtime.image != _IMAGE or (runtime.image_id and not programs.is_dir()):
            raise ServiceNotFound(
                f"the programs {service} was dumped with ({runtime.image} {runtime.image_id}) "
                "are not on this machine: install that version there again"
            )
        settings = self._config.services.get(service, LocalService())
        # The environment of the live service stays out: it is how clients find that one.
        place = LocalPlace(
            label=f"throw-away target of {service}",
            programs=(*((programs,) if runtime.image_id else ()), *settings.bin),
            user=other_user(settings.run_as),
            prefix=unprivileged() if user and not settings.run_as else (),
        )
        return local_throwaway.open_throwaway(self._scratch, place)

    def sweep(self) -> tuple[str, ...]:
        """Remove the targets of runs that are no longer alive; return their directories."""
        return local_throwaway.sweep(self._scratch)
