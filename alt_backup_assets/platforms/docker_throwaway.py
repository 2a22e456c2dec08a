"""Throw-away containers: made from an image that is there, without network, always removed.

Holds what such a container may and may not do. Keep out: the engine that is restored into it.
"""

from __future__ import annotations

import os
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.api.client import APIClient
from docker.errors import NotFound

from alt_backup_assets.errors import PlatformError, ServiceVanished
from alt_backup_assets.platforms import compose
from alt_backup_assets.platforms.docker_place import DockerPlace
from alt_backup_assets.platforms.owner import MAX_LIFETIME_SECONDS, current_owner, is_orphan
from alt_backup_assets.tools.docker.engine import Container, answering, remove

LABEL = "io.alt-backup.throwaway"
PLATFORM_LABEL = "io.alt-backup.platform"
OWNER_LABEL = "io.alt-backup.owner"

_TMP = "/tmp"  # noqa: S108  # of a container nobody else uses
_DIRECTORY = f"{_TMP}/alt-backup"
_MAX_PROCESSES = 4096
_SHARED_MEMORY = "256m"
_CHUNK_BYTES = 1 << 20
_REQUEST_SECONDS = 60


@dataclass(frozen=True)
class Recipe:
    """What a throw-away container is made from.

    Attributes:
        platform: Name of the platform it serves.
        service: The service whose dump is restored in it.
        image: Id or name of an image that is there.
        memory_mb: Memory cap.
        cpus: CPU cap.
        user: User of the image its commands run as; None for the image's own.
        directory_bytes: Size of the memory its directory is in, part of ``memory_mb``; 0 for
            one on the container's disk.
    """

    platform: str
    service: str
    image: str
    memory_mb: int
    cpus: float
    user: str | None
    directory_bytes: int = 0


class DockerThrowaway(DockerPlace):
    """A throw-away container."""

    directory = _DIRECTORY

    def put(self, source: Path) -> str:
        """Stream a file or a directory into the container, readable by every user in it.

        Raises:
            PlatformError: A file changed its size meanwhile, or the engine refused it.
            ServiceVanished: The container is gone.
        """
        name = f"alt-backup-in/{secrets.token_hex(4)}/{source.name}"
        target = self.container
        with answering(f"to take {source.name}"):
            try:
                target.api.put_archive(target.id, _TMP, _tar(source, name))
            except NotFound:
                raise ServiceVanished(f"{self.label} was removed") from None
        return f"{_TMP}/{name}"


@contextmanager
def open_throwaway(api: APIClient, recipe: Recipe) -> Iterator[DockerThrowaway]:
    """Make and start a throw-away container; leaving the context removes it.

    Raises:
        PlatformError: It cannot be made or started.
    """
    with answering(f"to make a throw-away container from {recipe.image}"):
        created = _create(api, recipe)
    try:
        with answering(f"to start a throw-away container from {recipe.image}"):
            api.start(created)
            state = api.inspect_container(created)["State"]
        label = f"throw-away target of {recipe.service} (container {created[:12]})"
        place = DockerThrowaway(Container(api, created, label, state["StartedAt"], recipe.user))
        if not recipe.directory_bytes:
            place.run(["mkdir", "-m", "700", _DIRECTORY], timeout_seconds=_REQUEST_SECONDS)
        yield place
    finally:
        remove(api, created, "a throw-away container", force=True)


def sweep(api: APIClient, platform: str) -> tuple[str, ...]:
    """Remove the throw-away containers of a platform whose owner is gone; name them."""
    labels = [f"{LABEL}=1", f"{PLATFORM_LABEL}={platform}"]
    with answering("its throw-away containers"):
        found = api.containers(all=True, filters={"label": labels})
    removed = []
    for entry in found:
        mark = entry["Labels"].get(OWNER_LABEL, "")
        age_seconds = time.time() - float(entry["Created"])
        if is_orphan(mark, age_seconds=age_seconds, container_runs=lambda id_: runs(api, id_)):
            remove(api, entry["Id"], "a throw-away container", force=True)
            removed.append(entry["Names"][0].lstrip("/") if entry["Names"] else entry["Id"][:12])
    return tuple(removed)


def runs(api: APIClient, container_id: str) -> bool:
    """Tell whether a container runs.

    Raises:
        PlatformError: The engine does not answer.
    """
    with answering(f"whether container {container_id} runs"):
        try:
            return bool(api.inspect_container(container_id)["State"]["Running"])
        except NotFound:
            return False


def _create(api: APIClient, recipe: Recipe) -> str:
    created = api.create_container(
        recipe.image,
        name=f"alt-backup-throwaway-{recipe.service}-{secrets.token_hex(4)}",
        entrypoint=["sleep", str(MAX_LIFETIME_SECONDS)],
        command=[],
        user=recipe.user,
        labels={
            LABEL: "1",
            PLATFORM_LABEL: recipe.platform,
            OWNER_LABEL: str(current_owner()),
            # An image that Compose built carries these; it must not pass for the service.
            compose.PROJECT: "",
            compose.SERVICE: "",
        },
        host_config=api.create_host_config(
            init=True,
            network_mode="none",
            mem_limit=f"{recipe.memory_mb}m",
            nano_cpus=int(recipe.cpus * 1e9),
            pids_limit=_MAX_PROCESSES,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            shm_size=_SHARED_MEMORY,
            # Everybody in it may write there: the number of its user is known to the image only.
            tmpfs={_DIRECTORY: f"size={recipe.directory_bytes},mode=1777"}
            if recipe.directory_bytes
            else None,
        ),
    )
    return str(created["Id"])


def _tar(source: Path, name: str) -> Iterator[bytes]:
    """Yield a tar archive of a file or a tree, never more than a piece of it in memory."""
    below = sorted(source.rglob("*")) if source.is_dir() else []
    for path in (source, *below):
        member = tarfile.TarInfo(str(Path(name, path.relative_to(source))))
        if path.is_symlink():
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield member.tobuf()
        elif path.is_dir():
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            yield member.tobuf()
        elif path.is_file():
            yield from _tar_file(path, member)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _tar_file(source: Path, member: tarfile.TarInfo) -> Iterator[bytes]:
    with source.open("rb") as file:
        member.size = os.fstat(file.fileno()).st_size
        member.mode = 0o444
        yield member.tobuf()
        left = member.size
        while left:
            chunk = file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise PlatformError(f"{source} became shorter while it was read")
            left -= len(chunk)
            yield chunk
    yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
