"""Every volume a platform has or declares, and who mounts it.

Holds the frozen values that ``Platform.volumes`` answers with. Keep out: what the registry says
about them, which is for ``drift``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mount:
    """A service that mounts a volume.

    Attributes:
        service: Its name.
        image: What it runs; empty where that is not known.
        environment: Its databases' names and users, where declared; never a secret.
    """

    service: str
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlatformVolume:
    """A volume that is there, or is declared, or both.

    Attributes:
        name: What the registry should call it.
        aliases: What else the registry may call it, best first.
        exists: Whether it is there.
        declared_by: Services that are declared to mount it; None where it is not declared.
        mounted_by: Services whose containers mount it; None where nothing can tell.
        anonymous: Nobody gave it a name, and it holds data.
    """

    name: str
    aliases: tuple[str, ...] = ()
    exists: bool = True
    declared_by: tuple[Mount, ...] | None = None
    mounted_by: tuple[Mount, ...] | None = None
    anonymous: bool = False

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Services that mount it, those that are declared first."""
        return (*(self.declared_by or ()), *(self.mounted_by or ()))


@dataclass(frozen=True)
class PlatformVolumes:
    """All volumes of a platform.

    Attributes:
        volumes: In the order of their names.
        declared: Whether declarations were compared at all.
        complete: Whether a volume that is not among them is certainly not there.
        services: Services that may keep volumes which are not among them.
    """

    volumes: tuple[PlatformVolume, ...]
    declared: bool = True
    complete: bool = True
    services: frozenset[str] = frozenset()
