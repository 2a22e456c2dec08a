"""A site with as many volumes as wanted: its two files, and a few bytes in each volume."""

from __future__ import annotations

import secrets
from pathlib import Path

import yaml

PLATFORM = "scale"


def write_site(
    directory: Path, volumes: int, *, databases: bool = True, restic: Path = Path("restic")
) -> Path:
    """Write a configuration, its registry, and a few bytes for every volume of files.

    Args:
        directory: Where to.
        volumes: How many.
        databases: Whether every second volume is a PostgreSQL server; no server is behind it.
        restic: The program.

    Returns:
        The path of the configuration.
    """
    entries: dict[str, dict[str, object]] = {}
    places: dict[str, str] = {}
    for number in range(volumes):
        name, service = f"volume_{number:03d}_data", f"service-{number:03d}"
        if databases and number % 2:
            names = {"databases": [f"database_{number:03d}"], "user": "postgres"}
            entries[name] = {"service": service, "engine": "postgresql", "category": "critical"}
            entries[name] |= names
            continue
        entries[name] = {"service": service, "engine": "files", "category": "data"}
        data = directory / "volumes" / name
        data.mkdir(parents=True)
        (data / "token").write_text(f"{number}\n")
        places[name] = str(data)
    _dump(directory / "registry.yaml", {"volumes": entries})
    config = directory / "alt-backup.yaml"
    _dump(config, _configuration(directory, places, restic))
    return config


def _configuration(directory: Path, places: dict[str, str], restic: Path) -> dict[str, object]:
    password = directory / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24) + "\n")
    opened = {"password_file": str(password)}
    return {
        "platform": {"kind": "local", "name": PLATFORM, "volumes": places},
        "registry": "./registry.yaml",
        "timezone": "Asia/Tokyo",
        "directories": {"state": str(directory / "state")},
        "repositories": {
            "local": {"url": str(directory / "local"), **opened},
            "offsite": {"url": str(directory / "offsite"), "medium": "elsewhere", **opened},
        },
        "restic": str(restic),
    }


def _dump(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
