"""The volumes of a Compose project: what its files declare beside what the engine has.

One call of Compose and two listings of the engine, however many volumes there are. Keep out:
what the registry says about them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from docker.api.client import APIClient
from docker.errors import NotFound

from alt_backup_assets.config import DockerPlatform
from alt_backup_assets.platforms.compose import ONE_OFF, PROJECT, SERVICE, VOLUME
from alt_backup_assets.platforms.live_volumes import Mount, PlatformVolume, PlatformVolumes
from alt_backup_assets.tools.docker.compose_config import Declared, read_compose
from alt_backup_assets.tools.docker.engine import answering

ANONYMOUS = "com.docker.volume.anonymous"
_RANDOM_NAME = re.compile(r"[0-9a-f]{64}")
_TAR_BLOCK = 512


@dataclass
class _Use:
    """Who mounts a volume, and one place to look into it: a container and a path there."""

    mounts: list[Mount] = field(default_factory=list)
    place: tuple[str, str] = ("", "")


def list_volumes(api: APIClient, config: DockerPlatform) -> PlatformVolumes:
    """List the volumes of a project, and those of others that its containers mount.

    Anonymous volumes are listed where a container mounts them and they hold anything.

    Raises:
        PlatformError: The engine does not answer.
        ToolError: Compose is missing, or cannot read the project's files.
    """
    declared = (
        read_compose(config.project, config.compose_files, config.env_files)
        if config.compose_files
        else None
    )
    used = _used(api, config.project)
    wanted = frozenset(declared.volumes.values()) if declared else frozenset()
    found = _live(api, config.project, used, wanted)
    for volume in _declared(declared) if declared else ():
        full_name = volume.aliases[0]
        live = found.get(full_name)
        found[full_name] = (
            replace(volume, exists=True, mounted_by=live.mounted_by) if live else volume
        )
    taken = Counter(volume.name for volume in found.values())
    volumes = (
        _named(volume, config.project, alone=taken[volume.name] == 1) for volume in found.values()
    )
    return PlatformVolumes(
        tuple(sorted(volumes, key=lambda volume: volume.name)), declared=declared is not None
    )


def _used(api: APIClient, project: str) -> Mapping[str, _Use]:
    """Return who mounts which volume, by the volume's full name."""
    with answering("its containers"):
        containers = api.containers(all=True, filters={"label": [f"{PROJECT}={project}"]})
    used: dict[str, _Use] = defaultdict(_Use)
    for container in containers:
        labels = container["Labels"]
        if labels.get(ONE_OFF, "False") == "True":
            continue
        for mount in container["Mounts"]:
            if mount["Type"] == "volume":
                use = used[mount["Name"]]
                use.mounts.append(Mount(labels.get(SERVICE, ""), container["Image"]))
                use.place = (container["Id"], mount["Destination"])
    return used


def _live(
    api: APIClient, project: str, used: Mapping[str, _Use], wanted: Collection[str]
) -> dict[str, PlatformVolume]:
    """Return the project's volumes, the mounted ones and the wanted ones, by full name."""
    with answering("its volumes"):
        listed = api.volumes()["Volumes"] or []
    found: dict[str, PlatformVolume] = {}
    for entry in listed:
        name, labels = str(entry["Name"]), entry["Labels"] or {}
        use = used.get(name)
        anonymous = VOLUME not in labels and (
            ANONYMOUS in labels or _RANDOM_NAME.fullmatch(name) is not None
        )
        own = labels.get(PROJECT) == project
        if not use and name not in wanted and (anonymous or not own):
            continue
        if anonymous and use and not _holds_data(api, *use.place):
            continue
        found[name] = PlatformVolume(
            name=labels.get(VOLUME, name) if own else name,
            aliases=(name,),
            mounted_by=_once(use.mounts if use else ()),
            anonymous=anonymous,
        )
    return found


def _declared(declared: Declared) -> Iterable[PlatformVolume]:
    for key, full_name in declared.volumes.items():
        mounts = [
            Mount(name, service.image, service.environment)
            for name, service in declared.services.items()
            if key in service.volumes
        ]
        yield PlatformVolume(
            # No label of an external volume leads from the key to it.
            name=full_name if key in declared.external else key,
            aliases=(full_name, key),
            exists=False,
            declared_by=_once(mounts),
            mounted_by=(),
        )


def _named(volume: PlatformVolume, project: str, *, alone: bool) -> PlatformVolume:
    """Add what ``compose.find_volume`` would find a volume by.

    Where a volume got another name in the compose files, the one before has the same key still:
    then the key is the declared one's.
    """
    full_name, *key = volume.aliases
    name = volume.name if alone or volume.declared_by is not None else full_name
    return replace(
        volume, name=name, aliases=(full_name, full_name.removeprefix(f"{project}_"), *key)
    )


def _once(mounts: Iterable[Mount]) -> tuple[Mount, ...]:
    by_service = {mount.service: mount for mount in mounts}
    return tuple(by_service[service] for service in sorted(by_service))


def _holds_data(api: APIClient, container: str, directory: str) -> bool:
    """Tell whether there is anything in a directory of a container, running or not.

    The engine sends it as an archive, whose first header is the directory's own. A container
    that is gone meanwhile is taken for one with data: unknown is not empty.
    """
    head = b""
    with answering(f"what is in {directory} of container {container[:12]}"):
        try:
            chunks: Any = api.get_archive(container, f"{directory}/.")[0]
        except NotFound:
            return True
        with closing(chunks):
            for chunk in chunks:
                head += chunk
                if len(head) >= 2 * _TAR_BLOCK:
                    break
    return any(head[_TAR_BLOCK : 2 * _TAR_BLOCK])
