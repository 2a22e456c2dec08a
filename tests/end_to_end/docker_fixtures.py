"""A Compose project of the tests on the real Docker engine, without Compose itself.

Holds what makes containers and volumes as Compose labels them, and takes all of them away
again. Keep out: what a test expects of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container
from docker.models.volumes import Volume

from alt_backup_assets.config import DockerPlatform

POSTGRESQL_15 = "alt-backup-test/postgresql:15"
POSTGRESQL_17 = "alt-backup-test/postgresql:17"
LIFETIME_SECONDS = "1800"
_MARK = "io.alt-backup.test-project"


@dataclass(frozen=True)
class Project:
    """A Compose project with a name of its own.

    Attributes:
        client: The engine.
        name: The project's name.
    """

    client: DockerClient
    name: str

    def run(
        self,
        service: str,
        *,
        image: str = POSTGRESQL_17,
        command: Sequence[str] = ("sleep", LIFETIME_SECONDS),
        environment: Mapping[str, str] | None = None,
        volumes: Mapping[str, str] | None = None,
        network: str = "none",
        one_off: bool = False,
    ) -> Container:
        """Start a container of a service.

        Args:
            service: The service.
            image: What it runs.
            command: Its command; the image's entry point may act on it.
            environment: Its environment.
            volumes: Where a volume of the engine is mounted, by the volume's full name.
            network: What it is connected to.
            one_off: Label it as ``docker compose run`` does.
        """
        return self.client.containers.run(
            image,
            list(command),
            name=f"{self.name}-{service}-{secrets.token_hex(2)}",
            detach=True,
            init=True,
            network_mode=network,
            environment=dict(environment or {}),
            volumes={name: {"bind": at, "mode": "rw"} for name, at in (volumes or {}).items()},
            labels={
                _MARK: self.name,
                "com.docker.compose.project": self.name,
                "com.docker.compose.service": service,
                "com.docker.compose.oneoff": str(one_off),
            },
        )

    def volume(self, name: str, *, labelled: bool = True, full_name: str | None = None) -> Volume:
        """Make a volume as Compose does, or under any other name."""
        labels = {_MARK: self.name}
        if labelled:
            labels |= {
                "com.docker.compose.project": self.name,
                "com.docker.compose.volume": name,
            }
        return self.client.volumes.create(full_name or f"{self.name}_{name}", labels=labels)


@contextmanager
def compose_project() -> Iterator[Project]:
    """Give a project of the real engine; its containers and volumes are removed at the end."""
    client = docker.from_env()
    project = Project(client, f"altbackup-{secrets.token_hex(4)}")
    mine: dict[str, str | list[str] | bool] = {"label": f"{_MARK}={project.name}"}
    try:
        yield project
    finally:
        for container in client.containers.list(all=True, filters=mine, ignore_removed=True):
            remove(container)
        for volume in client.volumes.list(filters=mine):
            volume.remove(force=True)
        client.close()


@contextmanager
def live_project() -> Iterator[Project]:
    """Give a project with what the platform contract asks for."""
    with compose_project() as project:
        volume = project.volume("live_data")
        mounts = {str(volume.name): "/live"}
        live = project.run("live-db", environment={"LIVE": "1"}, volumes=mounts, network="bridge")
        written = live.exec_run(["sh", "-c", "printf world > /live/hello"])
        assert written.exit_code == 0
        yield project


def config(ours: Project, root: Path, **more: object) -> DockerPlatform:
    """Return the configuration of a project; its name is the project's.

    Args:
        ours: The project.
        root: Holds ``data``, where volumes may be mounted.
        more: Other values of the configuration.
    """
    values = {"name": ours.name, "project": ours.name, "volumes_root": root / "data", **more}
    return DockerPlatform.model_validate({"kind": "docker", **values})


def remove(container: Container) -> None:
    """Remove a container and its anonymous volumes; it may be gone already."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
