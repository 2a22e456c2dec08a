"""The Docker engine: how it is reached, and its refusals in our words.

Holds the connection and the value that names one container. Keep out: commands (``command``)
and everything Compose.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
import requests
from docker.api.client import APIClient
from docker.errors import APIError, DockerException
from requests.adapters import BaseAdapter

from alt_backup_assets.errors import PlatformError

_REQUEST_SECONDS = 60
_REMOVED = (404, 409)
"""It is gone, or its removal is under way."""


@dataclass(frozen=True)
class Container:
    """A container that commands run in.

    Attributes:
        api: The engine it runs on.
        id: Its full id.
        label: How messages name it.
        started_at: When it was started, as the engine words it: a restart is an end.
        user: User its commands run as; None for the image's own.
    """

    api: APIClient
    id: str
    label: str
    started_at: str
    user: str | None = None


def connect(docker_host: str | None) -> APIClient:
    """Open the engine's API.

    Args:
        docker_host: Its URL; None for the environment's own (``DOCKER_HOST`` and its kin).

    Raises:
        PlatformError: It does not answer.
    """
    with answering("its version"):
        if docker_host is None:
            api = docker.from_env(timeout=_REQUEST_SECONDS).api
        else:
            api = docker.DockerClient(base_url=docker_host, timeout=_REQUEST_SECONDS).api
    # Whoever holds a container of it keeps it open; its last user closes it.
    weakref.finalize(api, _close, tuple(api.adapters.values()))
    return api


@contextmanager
def answering(question: str) -> Iterator[None]:
    """Turn the client library's errors into ours.

    Args:
        question: What the engine is asked for, such as ``its containers``.

    Raises:
        PlatformError: The engine refused, or does not answer. Never an empty answer.
    """
    try:
        yield
    except APIError as error:
        said = error.explanation or error
        raise PlatformError(f"the Docker engine refused {question}: {said}") from None
    except (DockerException, requests.RequestException) as error:
        raise PlatformError(
            f"the Docker engine does not answer (asked for {question}): {error}"
        ) from None


def remove(api: APIClient, container_id: str, what: str, *, force: bool = False) -> bool:
    """Remove a container and the volumes that are its own.

    Args:
        api: The engine.
        container_id: Which.
        what: How messages name it.
        force: Kill it where it runs.

    Returns:
        Whether it was this call that removed it.

    Raises:
        PlatformError: The engine refused, or does not answer.
    """
    with answering(f"to remove {what}"):
        try:
            api.remove_container(container_id, v=True, force=force)
        except APIError as error:
            if error.status_code not in _REMOVED:
                raise
            return False
    return True


def _close(adapters: tuple[BaseAdapter, ...]) -> None:
    for adapter in adapters:
        adapter.close()
