"""Places inside containers: the commands of a service, and of a throw-away target.

Holds what the two have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from alt_backup_assets.errors import ServiceNotFound
from alt_backup_assets.platforms.seam import Runtime, Session, Sink
from alt_backup_assets.tools.docker import execution
from alt_backup_assets.tools.docker.engine import Container


@dataclass(frozen=True)
class DockerPlace:
    """Where commands run inside one container."""

    container: Container

    @property
    def label(self) -> str:
        """How messages name it."""
        return self.container.label

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run one command to its end; see ``Place.run``."""
        return execution.run(
            self.container,
            argv,
            timeout_seconds=timeout_seconds,
            stdin=stdin,
            stdout=stdout,
            env=env,
        )

    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """Start a program to talk to; see ``Place.open``."""
        return execution.open_session(self.container, argv, env=env)


@dataclass(frozen=True)
class DockerService(DockerPlace):
    """A running container of a Compose service."""

    runtime: Runtime
    addresses: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Its address on the first of its networks."""
        if not self.addresses:
            raise ServiceNotFound(
                f"{self.label} is on no network: set `url` in its registry entry to where it "
                "can be reached"
            )
        return self.addresses[0]
