"""compose/platform.yaml with profile `full`, as an operator tries it.

It starts, and is backed up by the entries that ship.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from alt_backup_assets.site import open_site
from alt_backup_assets.snapshots.tags import volume_of
from tests.end_to_end.docker_fixtures import POSTGRESQL_15, POSTGRESQL_17
from tests.end_to_end.every_engine import KEY
from tests.grafana import make_grafana
from tests.sites import ROOT, alt_backup, write_site

pytestmark = pytest.mark.end_to_end

PLATFORM = ROOT / "compose" / "platform.yaml"
DOUBLES = "alt-backup-test/doubles:1"
REDIS = "alt-backup-test/redis:8"
IMAGES = {
    "POSTGRES_16": POSTGRESQL_15,
    "POSTGRES_17": POSTGRESQL_17,
    "POSTGRES_18": POSTGRESQL_17,
    "REDIS": REDIS,
    "TOOLS": REDIS,
    "GRAFANA": REDIS,
    "PROMETHEUS": "alt-backup-test/prometheus:2.42.0",
    "MEILISEARCH": DOUBLES,
    "CLICKHOUSE": DOUBLES,
}
_MEILISEARCH = "http://127.0.0.1:7700"
_ASK = ["curl", "-sS", "--fail"]
_MOVIE = ["--data", '{"documents": [{"id": 1}]}', f"{_MEILISEARCH}/indexes/movies/documents"]
_SEEDS = (
    ("redis-streams", ["redis-cli", "XADD", "feed", "*", "id", "1"]),
    ("meilisearch", [*_ASK, *_MOVIE]),
    # The double goes one step on with each request.
    ("meilisearch", [*_ASK, *[f"{_MEILISEARCH}/health"] * 3]),
)
"""An empty volume is refused: what is put into these first."""


def _compose(password: Path, project: str, *arguments: str) -> str:
    """Run ``docker compose`` on the platform; it must succeed."""
    own = {"DB_PASSWORD_FILE": str(password), "DB_CONTAINER": f"{project}-db"}
    files = ("-f", str(PLATFORM), "-f", str(ROOT / "tests/end_to_end/platform/full.yaml"))
    done = subprocess.run(
        ["docker", "compose", "-p", project, *files, "--profile", "full", *arguments],
        env={**os.environ, **IMAGES, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.fixture(name="password")
def _password(tmp_path: Path) -> Path:
    path = tmp_path / "db_password"
    path.write_text(KEY)
    return path


@pytest.fixture(name="project")
def _project(password: Path) -> Iterator[str]:
    """Return the project's name, once all of it is up; it is gone afterwards."""
    project = f"altbackup-{secrets.token_hex(4)}"
    try:
        _compose(password, project, "up", "-d", "--wait")
        yield project
    finally:
        _compose(password, project, "down", "--volumes", "--timeout", "2")


def _registry(password: Path) -> Mapping[str, Any]:
    """Return the shipped registry's entries of the volumes the platform has."""
    shipped = yaml.safe_load((ROOT / "alt_backup_assets/registry/alt.yaml").read_text())["volumes"]
    there = yaml.safe_load(PLATFORM.read_text())["volumes"]
    entries = {name: dict(shipped[name]) for name in there}
    entries["clickhouse_data"]["password_file"] = str(password)
    return entries


def test_all_of_it_starts_and_is_backed_up(
    project: str, password: Path, tmp_path: Path, restic_binary: Path
) -> None:
    """The registry that ships fits it: nothing is unplanned, and every volume gets a snapshot."""
    engine = docker.from_env()
    grafana = engine.volumes.get(f"{project}_grafana_data").attrs["Mountpoint"]
    make_grafana(Path(grafana))
    for service, argv in _SEEDS:
        seeded = engine.containers.get(f"{project}-{service}-1").exec_run(argv)
        assert seeded.exit_code == 0, seeded.output
    registry = _registry(password)
    platform = {
        "kind": "docker",
        "name": "alt",
        "project": project,
        "volumes_root": str(tmp_path / "nothing-is-mounted"),
    }
    config = write_site(
        tmp_path / "site", platform=platform, volumes=registry, restic=restic_binary
    )
    done = alt_backup(config, "backup")
    assert done.returncode == 0, done.stdout + done.stderr
    drift = alt_backup(config, "drift")
    assert drift.returncode == 0, drift.stdout + drift.stderr
    site = open_site(config)
    assert {volume_of(s) for s in site.local.snapshots(host="alt")} >= set(registry)
