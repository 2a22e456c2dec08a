"""borgmatic, a peer: what another well-known tool takes for the same first day.

It writes into a borg repository of its own. It has no verification that restores. Where it is
not installed its row is left out, and the result says so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from benchmarks.errors import BenchmarkFailed
from benchmarks.measure import measured
from benchmarks.platform import Platform
from benchmarks.result import Sample
from benchmarks.sites import JUST_AS_BY_HAND, Place

_PROGRAMS = ("borg", "borgmatic")


def missing() -> str | None:
    """Say why there is no peer here; None where there is."""
    absent = [program for program in _PROGRAMS if not shutil.which(program)]
    if not absent:
        return None
    return f"borgmatic was not measured: {' and '.join(absent)} is not installed here."


def backed_up(platform: Platform, place: Place) -> Sample:
    """Run ``borgmatic create check`` with the decision record's compression.

    Raises:
        BenchmarkFailed: It failed, or its archive lacks a database.
    """
    repository = place.directory / "borg"
    config = _write_config(platform, place, repository)
    env = _environment(place)
    _said(env, "borg", "init", "--encryption", "repokey-blake2", str(repository))
    argv = ["borgmatic", "--config", str(config), "create", "check"]
    sample = measured(
        platform, argv, env=env, log=place.directory / "borgmatic.log", grows=repository
    )
    _require_dumps(platform, env, repository)
    return sample


def _write_config(platform: Platform, place: Place, repository: Path) -> Path:
    databases = [
        {
            "name": each.name,
            "username": each.user,
            "format": "custom",
            "compression": int(JUST_AS_BY_HAND),
            "pg_dump_command": f"docker exec {platform.container(each)} pg_dump",
        }
        for each in platform.size.databases
    ]
    values = {
        "source_directories": [str(platform.volumes)],
        "repositories": [{"path": str(repository), "label": "local"}],
        "postgresql_databases": databases,
        "checks": [{"name": "repository"}, {"name": "archives"}],
        "user_state_directory": str(place.directory / "borgmatic-state"),
        "user_runtime_directory": str(place.directory / "borgmatic-run"),
    }
    config = place.directory / "borgmatic.yaml"
    config.write_text(yaml.safe_dump(values, sort_keys=False))
    return config


def _environment(place: Place) -> dict[str, str]:
    return {
        **place.environment(),
        "BORG_PASSCOMMAND": f"cat {place.directory / 'password'}",
        "BORG_BASE_DIR": str(place.directory / "borg-base"),
    }


def _require_dumps(platform: Platform, env: Mapping[str, str], repository: Path) -> None:
    listed = json.loads(_said(env, "borg", "list", "--json", str(repository)))["archives"]
    if len(listed) != 1:
        raise BenchmarkFailed(f"borgmatic made {len(listed)} archives instead of 1")
    archive = f"{repository}::{listed[0]['archive']}"
    paths = _said(env, "borg", "list", "--format", "{size} {path}{NL}", archive).splitlines()
    for each in platform.size.databases:
        held = [line for line in paths if line.endswith(f"/{each.name}") and line[0] != "0"]
        if not held:
            raise BenchmarkFailed(f"borgmatic's archive holds no dump of {each.name}")


def _said(env: Mapping[str, str], *argv: str) -> str:
    done = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkFailed(f"{argv[0]} {argv[1]}: {done.stderr.strip()}")
    return done.stdout
