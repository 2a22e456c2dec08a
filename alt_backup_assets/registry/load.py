"""Reading a registry file into a ``Registry``, once, with everything wrong in it at once.

Holds where registries are found, the file's defaults, and what can only be seen across entries.
Keep out: what one entry may say, which is ``volume``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from alt_backup_assets.config import Configuration, is_file_name
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.fields import VolumeName
from alt_backup_assets.registry.volume import Entry, RecoveryPointObjective, Registry, Volume
from alt_backup_assets.tools.yaml import read_mapping, validated
from alt_backup_assets.values import Frozen, folded, near_miss

_SHIPPED = Path(__file__).parent


class _Defaults(Frozen):
    rpo: RecoveryPointObjective = RecoveryPointObjective()
    keep_dumps_days: int = Field(default=7, ge=0)


class _File(Frozen):
    defaults: _Defaults = _Defaults()
    volumes: dict[VolumeName, Entry] = Field(min_length=1)

    @field_validator("volumes")
    @classmethod
    def _dumped_once(cls, volumes: dict[str, Entry]) -> dict[str, Entry]:
        owners: dict[tuple[str, str], str] = {}
        for name, entry in volumes.items():
            for database in entry.databases:
                owner = owners.setdefault((entry.service, database), name)
                if owner != name:
                    raise ValueError(
                        f"has the database `{database}` of service `{entry.service}` twice: "
                        f"under `{owner}` and under `{name}`"
                    )
        return volumes


def load_registry(configured: Configuration | str, *, relative_to: Path = Path()) -> Registry:
    """Load the registry that a configuration names.

    Args:
        configured: The configuration; or the name of a registry that ships (``alt``,
            ``demo``), or the path of a registry file.
        relative_to: Where a relative path starts. A configuration that was loaded from a file
            has an absolute one already.

    Raises:
        ConfigurationError: There is no such registry, or something in it is wrong; the
            message has one line per problem, each with file and field.
    """
    named = configured if isinstance(configured, str) else configured.registry
    path = relative_to / named if is_file_name(named) else _shipped(named)
    content = read_mapping(path)
    file = validated(_File, _with_defaults(content), path, also=tuple(_near_duplicates(content)))
    volumes = tuple(Volume(name=name, **dict(entry)) for name, entry in file.volumes.items())
    return Registry(source=str(path), volumes=volumes)


def _shipped(name: str) -> Path:
    shipped = {path.stem: path for path in sorted(_SHIPPED.glob("*.yaml"))}
    if name not in shipped:
        raise ConfigurationError(
            f"there is no registry `{name}`; it is the path of a .yaml file, or one that ships: "
            f"{', '.join(shipped)}{near_miss(name, shipped)}"
        )
    return shipped[name]


def _with_defaults(content: Mapping[str, object]) -> dict[str, object]:
    """Put the file's defaults under each entry, before anything is compared with anything."""
    volumes, defaults = content.get("volumes"), content.get("defaults")
    if not isinstance(volumes, dict) or not isinstance(defaults, dict):
        return dict(content)
    try:
        _Defaults.model_validate(defaults)
    except ValidationError:
        return dict(content)  # reported once, for the defaults, and not for every entry
    return {**content, "volumes": {name: _under(defaults, e) for name, e in volumes.items()}}


def _under(defaults: Mapping[str, object], entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    ours, theirs = entry.get("rpo"), defaults.get("rpo")
    both = (
        {"rpo": {**theirs, **ours}} if isinstance(ours, dict) and isinstance(theirs, dict) else {}
    )
    return {**defaults, **entry, **both}


def _near_duplicates(content: Mapping[str, object]) -> Iterator[str]:
    volumes = content.get("volumes")
    seen: dict[str, str] = {}
    for name in volumes if isinstance(volumes, dict) else ():
        first = seen.setdefault(folded(name), name)
        if first != name:
            yield (
                f"field `volumes.{name}` is easily taken for `{first}`: names must differ in "
                "more than case, `_`, `-` and `.`"
            )
