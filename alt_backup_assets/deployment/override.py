"""The file that goes beside ``compose/backup.yaml``: mounts and networks of one site.

The services of ours and the containers of runs get the same mounts from the same list. Dagster
learns of the latter from the code server (``DAGSTER_CONTAINER_CONTEXT``), so a run's container
is made from the very configuration that the server was started with.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from pydantic import JsonValue

from alt_backup_assets.config import Configuration
from alt_backup_assets.config.configuration import ENVIRONMENT_VARIABLE
from alt_backup_assets.deployment.mounts import Bind, Mounts, VolumeMount, docker_platform
from alt_backup_assets.platforms.docker_runs import LABEL

_HEADER = """\
# Made by `alt-backup compose` from {source} and its registry.
# Not to be edited: make it again, and `alt-backup compose --check` says whether it still fits.
"""
_NETWORK = "platform"
_CONTEXT = "DAGSTER_CONTAINER_CONTEXT"

# Compose puts these in, so that one file serves whatever the project is called.
_OF_COMPOSE: dict[str, JsonValue] = {
    # As `docker compose run` labels them, so that `down --remove-orphans` removes them too: a
    # container that is left would keep the volume of the logs and the networks.
    "com.docker.compose.project": "${COMPOSE_PROJECT_NAME}",
    "com.docker.compose.service": "code",
    "com.docker.compose.oneoff": "True",
    "com.docker.compose.config-hash": "run",  # without any, Compose does not know it for its own
}
_LOGS = "${COMPOSE_PROJECT_NAME}_logs"
_PASSWORD = "${ALT_BACKUP_STORAGE_PASSWORD_FILE}"  # noqa: S105  # the path of one


def render(configuration_file: Path, config: Configuration, mounts: Mounts) -> str:
    """Return the file.

    Args:
        configuration_file: Where the configuration was read from.
        config: As loaded from there.
        mounts: What ``read_mounts`` returned.

    Raises:
        ConfigurationError: The platform is not one of containers.
    """
    source = configuration_file.absolute()
    network = f"{docker_platform(config).project}_default"
    environment: dict[str, JsonValue] = {ENVIRONMENT_VARIABLE: _literal(str(source))}
    mounted: dict[str, JsonValue] = {
        "volumes": [
            *(_bind(bind) for bind in mounts.binds),
            *(_volume(volume) for volume in mounts.volumes),
        ],
        "networks": [_NETWORK],
    }
    for_runs = json.dumps(_run_context(source, config, mounts, network), indent=1)
    content = {
        "services": {
            "code": {"environment": {**environment, _CONTEXT: for_runs}, **mounted},
            "metrics": {"environment": environment, **mounted},
        },
        "networks": {_NETWORK: {"name": network, "external": True}},
        "volumes": {
            _key(volume): {"name": volume.full_name, "external": True} for volume in mounts.volumes
        },
    }
    return _HEADER.format(source=source) + yaml.dump(content, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.SafeDumper):
    """Writes a value that occurs twice out twice: people read the file."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's own name
        """Have no anchors."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Plain.add_representer(str, _text)


def _bind(bind: Bind) -> JsonValue:
    return {
        "type": "bind",
        "source": _literal(str(bind.path)),
        "target": _literal(str(bind.path)),
        "read_only": bind.read_only,
        # A source that is missing is an error, and never becomes an empty directory.
        "bind": {"create_host_path": False},
    }


def _volume(volume: VolumeMount) -> JsonValue:
    return {
        "type": "volume",
        "source": _key(volume),
        "target": _literal(str(volume.target)),
        "read_only": True,
        "volume": {"nocopy": True},
    }


def _key(volume: VolumeMount) -> str:
    return f"platform_{volume.name}"


def _run_context(
    source: Path, config: Configuration, mounts: Mounts, network: str
) -> dict[str, JsonValue]:
    """Return what containers of runs need; the rest is in ``compose/dagster.yaml``.

    Mounts in the words of the Engine API: the older form would make directories of what is
    missing.
    """
    mounted: list[JsonValue] = [
        *(_mount("bind", str(b.path), str(b.path), read_only=b.read_only) for b in mounts.binds),
        *(_mount("volume", v.full_name, str(v.target), read_only=True) for v in mounts.volumes),
        {"Type": "volume", "Source": _LOGS, "Target": "/var/log/dagster", "ReadOnly": False},
        {
            "Type": "bind",
            "Source": _PASSWORD,
            "Target": "/run/secrets/storage_password",
            "ReadOnly": True,
        },
    ]
    return {
        "docker": {
            "env_vars": [f"{ENVIRONMENT_VARIABLE}={_literal(str(source))}"],
            "networks": [network],
            "container_kwargs": {
                "labels": {LABEL: _literal(config.platform.name), **_OF_COMPOSE},
                "mounts": mounted,
            },
        }
    }


def _mount(kind: str, source: str, target: str, *, read_only: bool) -> JsonValue:
    return {
        "Type": kind,
        "Source": _literal(source),
        "Target": _literal(target),
        "ReadOnly": read_only,
    }


def _literal(value: str) -> str:
    """Return a value that Compose does not look for variables in."""
    return value.replace("$", "$$")
