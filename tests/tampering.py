"""A platform whose throw-away targets are watched, and tampered with where a test asks for it.

It stands at ``platforms.seam`` around a real platform: what is restored is changed by the
restored server itself, and the comparison that must notice is the product's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from alt_backup_assets.platforms.docker_throwaway import DockerThrowaway
from alt_backup_assets.platforms.live_volumes import PlatformVolumes
from alt_backup_assets.platforms.seam import Platform, Runtime, Service, Session, Sink, Throwaway


class TamperedTarget:
    """A throw-away target in which something happens as soon as an archive is restored."""

    def __init__(self, place: Throwaway, after_restore: Sequence[str]) -> None:
        self._place = place
        self._after_restore = after_restore

    @property
    def label(self) -> str:
        """The real one's."""
        return self._place.label

    @property
    def directory(self) -> str:
        """The real one's."""
        return self._place.directory

    def put(self, source: Path) -> str:
        """As the real one."""
        return self._place.put(source)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """As the real one; behind pg_restore also what was asked for."""
        place = self._place
        done = place.run(argv, timeout_seconds=timeout_seconds, stdin=stdin, stdout=stdout, env=env)
        if argv[0] == "pg_restore" and self._after_restore:
            place.run(self._after_restore, timeout_seconds=timeout_seconds, env=env)
        return done

    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """As the real one."""
        return self._place.open(argv, env=env)


class TamperedPlatform:
    """A platform around a real one.

    Attributes:
        directories: Of every throw-away target that was made, whatever its kind.
        volumes: The engine's anonymous volumes of every throw-away container.
    """

    def __init__(self, platform: Platform, after_restore: Sequence[str] = ()) -> None:
        self._platform = platform
        self._after_restore = after_restore
        self.directories: list[str] = []
        self.volumes: list[str] = []

    @property
    def name(self) -> str:
        """The real one's."""
        return self._platform.name

    def is_running(self, service: str) -> bool | None:
        """As the real one."""
        return self._platform.is_running(service)

    def image(self, service: str) -> str | None:
        """Return the real service's image."""
        return self._platform.image(service)

    def start(self, service: str) -> None:
        """As the real one."""
        self._platform.start(service)

    def stop(self, service: str) -> None:
        """As the real one."""
        self._platform.stop(service)

    def service(self, service: str) -> Service:
        """As the real one."""
        return self._platform.service(service)

    def volume_path(self, volume: str, service: str) -> Path:
        """As the real one."""
        return self._platform.volume_path(volume, service)

    def list_volumes(self) -> PlatformVolumes:
        """As the real one."""
        return self._platform.list_volumes()

    @property
    def memory_bytes(self) -> int:
        """As the real one."""
        return self._platform.memory_bytes

    @contextmanager
    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,
    ) -> Iterator[Throwaway]:
        """Give the real target, tampered with."""
        with self._platform.throwaway(service, runtime, user=user, in_memory=in_memory) as place:
            self.directories.append(place.directory)
            if isinstance(place, DockerThrowaway):
                details = place.container.api.inspect_container(place.container.id)
                self.volumes += [mount["Name"] for mount in details["Mounts"]]
            yield TamperedTarget(place, self._after_restore)

    def sweep(self) -> tuple[str, ...]:
        """As the real one."""
        return self._platform.sweep()
