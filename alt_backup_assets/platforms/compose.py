"""What a Compose project has on a Docker engine: containers and volumes, found by labels.

Names of containers and volumes are never guessed from names of services: Compose writes on each
what it is (``com.docker.compose.*`` labels, Compose specification). Keep out: running anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from docker.api.client import APIClient
from docker.errors import NotFound

from alt_backup_assets.errors import ServiceNotFound, VolumeUnreadable
from alt_backup_assets.tools.docker.engine import answering
from alt_backup_assets.values import near_miss

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
VOLUME = "com.docker.compose.volume"
ONE_OFF = "com.docker.compose.oneoff"


@dataclass(frozen=True)
class ServiceContainer:
    """A container that Compose made for a service.

    Attributes:
        id: Its full id.
        name: Its name.
        service: The service.
        state: ``running``, ``exited`` and so on, in the engine's words.
        image: What it is made from, as the operator calls it; an id where no name is left.
    """

    id: str
    name: str
    service: str
    state: str
    image: str


def find_container(api: APIClient, project: str, service: str) -> ServiceContainer:
    """Return the one running container of a service.

    Raises:
        ServiceNotFound: There is none, or there are several.
        PlatformError: The engine does not answer.
    """
    known = _containers(api, project)
    own = [container for container in known if container.service == service]
    running = [container for container in own if container.state == "running"]
    if len(running) == 1:
        return running[0]
    if running:
        names = ", ".join(container.name for container in running)
        raise ServiceNotFound(
            f"service `{service}` of project `{project}` runs in several containers ({names}); "
            "a backup needs exactly one"
        )
    raise ServiceNotFound(_why_none(project, service, own, known))


def find_own(api: APIClient, project: str, service: str) -> tuple[ServiceContainer, ...]:
    """Return every container of a service, whatever its state.

    Raises:
        ServiceNotFound: There is none; the message says how to make one.
        PlatformError: The engine does not answer.
    """
    known = _containers(api, project)
    own = tuple(container for container in known if container.service == service)
    if not own:
        why = _why_none(project, service, [], known)
        raise ServiceNotFound(f"{why}; `docker compose -p {project} create {service}` makes it")
    return own


def find_volume(api: APIClient, project: str, volume: str) -> Path:
    """Return the directory a Docker volume has on this machine.

    Args:
        api: The engine.
        project: The Compose project.
        volume: The volume's name in the Compose file, or its full name.

    Raises:
        VolumeUnreadable: The engine has no such volume, or its files are not here.
        PlatformError: The engine does not answer.
    """
    named = {"label": [f"{PROJECT}={project}", f"{VOLUME}={volume}"]}
    with answering("its volumes"):
        labelled = api.volumes(filters=named)["Volumes"] or []
    if len(labelled) > 1:
        names = ", ".join(sorted(str(found["Name"]) for found in labelled))
        raise VolumeUnreadable(
            f"project `{project}` has several volumes `{volume}`: {names}; "
            "remove the one that is not used"
        )
    found = labelled[0] if labelled else _by_name(api, f"{project}_{volume}", volume)
    if found is None:
        raise VolumeUnreadable(_no_volume(api, project, volume))
    directory = Path(found["Mountpoint"] or "/nonexistent")
    if not os.access(directory, os.R_OK | os.X_OK):
        raise VolumeUnreadable(
            f"volume `{volume}` is the Docker volume {found['Name']}, whose files cannot be read "
            "from here; mount it read-only under platform.volumes_root, as "
            f"`<volumes_root>/{volume}`, or run on the engine's machine as root"
        )
    return directory


def _containers(api: APIClient, project: str) -> list[ServiceContainer]:
    with answering("its containers"):
        answer = api.containers(all=True, filters={"label": [f"{PROJECT}={project}"]})
    return [
        ServiceContainer(
            id=entry["Id"],
            name=entry["Names"][0].lstrip("/") if entry["Names"] else entry["Id"][:12],
            service=entry["Labels"].get(SERVICE, ""),
            state=entry["State"],
            image=entry["Image"],
        )
        for entry in answer
        if entry["Labels"].get(ONE_OFF, "False") != "True"
    ]


def _why_none(
    project: str, service: str, own: list[ServiceContainer], known: list[ServiceContainer]
) -> str:
    if own:
        states = ", ".join(f"{container.name} is {container.state}" for container in own)
        return (
            f"service `{service}` of project `{project}` does not run ({states}); start it with "
            f"`docker compose -p {project} up -d {service}`"
        )
    if not known:
        return (
            f"project `{project}` has no containers on this engine; compare platform.project with "
            "`docker compose ls --all`"
        )
    near = near_miss(service, {container.service for container in known})
    return f"project `{project}` has no container of a service `{service}`{near}"


def _by_name(api: APIClient, *names: str) -> dict[str, str] | None:
    for name in names:
        with answering("a volume"):
            try:
                return dict(api.inspect_volume(name))
            except NotFound:
                continue
    return None


def _no_volume(api: APIClient, project: str, volume: str) -> str:
    with answering("its volumes"):
        answer = api.volumes(filters={"label": [f"{PROJECT}={project}"]})["Volumes"] or []
    known = {str((found["Labels"] or {}).get(VOLUME, found["Name"])) for found in answer}
    near = near_miss(volume, known)
    return f"project `{project}` has no volume `{volume}` on this engine{near}"
