"""Everything is gone: the runbook's own commands bring every volume back, equal to what it was.

The commands are read from ``docs/runbook.md``, so that it cannot promise what does not run.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.grafana import facts as grafana_facts
from tests.grafana import make_grafana
from tests.programs import program
from tests.sites import FILES, ROOT, Settings, database, make_tokens, write_site

pytestmark = pytest.mark.end_to_end

COMPOSE = ROOT / "tests" / "end_to_end" / "platform" / "compose.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"
SERVER: dict[str, tuple[str, str, str]] = {
    "db_data_17": ("db", "alt_db_user", "alt"),
    "kratos_db_data": ("kratos-db", "kratos_user", "kratos"),
}
VOLUMES: dict[str, Settings] = {
    **{name: database(*server) for name, server in SERVER.items()},
    "redis-streams-data": {"service": "redis-streams", "engine": "redis", "category": "data"},
    "oauth_token_data": FILES,
    "prometheus_data": {"service": "prometheus", "engine": "prometheus", "category": "metrics"},
    "grafana_data": {"service": "grafana", "engine": "grafana", "category": "metrics"},
}
_PROMETHEUS = "http://127.0.0.1:9090"
_START_SECONDS = 60
_SQL = """
SELECT json_agg(x ORDER BY x::text)::text FROM (
  SELECT id, f, n, j, b FROM odd_values) x
"""


@dataclass
class Machine:
    """A Compose project, and the site that backs it up.

    Attributes:
        project: The project's name.
        config: The site's configuration.
        scraped_at: A moment of which Prometheus has samples, in seconds since 1970.
    """

    project: str
    config: Path
    scraped_at: int = 0

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a command line as an operator types it, and return what it says."""
        environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
        environment |= {
            "ALT_BACKUP_CONFIG": str(self.config),
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": str(COMPOSE),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:{environment['PATH']}",
        }
        done = subprocess.run(
            command.split(),
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        if done.returncode and check:
            logs = self.run("docker compose logs --tail 5", check=False)
            said = f"{done.stdout}{done.stderr}\n{logs}"
            raise AssertionError(f"{command}\nexit {done.returncode}\n{said}")
        return done.stdout.strip()

    def inside(self, service: str, *argv: str) -> str:
        """Run a program in a service and return what it says."""
        compose = ("docker", "compose", "-f", str(COMPOSE), "-p", self.project)
        done = subprocess.run(
            [*compose, "exec", "-T", service, *argv],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def directory(self, volume: str) -> Path:
        """Return where the engine keeps a volume."""
        return Path("/var/lib/docker/volumes") / f"{self.project}_{volume}" / "_data"

    def facts(self) -> dict[str, str]:
        """Return what an operator would look at in every engine, asked of the engine itself."""
        return {
            **{
                name: self.inside(service, "psql", "-XqAt", "-U", user, "-d", db, "-c", _SQL)
                for name, (service, user, db) in SERVER.items()
            },
            "redis": self.redis(
                "DBSIZE", "XLEN events", "XINFO GROUPS events", "XRANGE events - +"
            ),
            "tokens": _tree(self.directory("oauth_token_data")),
            "prometheus": self.prometheus('{job="itself"}', self.scraped_at),
            "grafana": grafana_facts(self.directory("grafana_data")),
        }

    def prometheus(self, query: str, moment: int) -> str:
        """Return every series there was at a moment, with its value."""
        argv = ("promtool", "query", "instant", "--time", str(moment), _PROMETHEUS, query)
        return "\n".join(sorted(self.inside("prometheus", *argv).splitlines()))

    def redis(self, *commands: str) -> str:
        """Run commands of Redis and return its answers."""
        return "\n".join(
            self.inside("redis-streams", "redis-cli", *command.split()) for command in commands
        )


def _tree(directory: Path) -> str:
    argv = ["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"]
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=True)
    return "\n".join(sorted(done.stdout.splitlines()))


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, restic_binary: Path) -> Iterator[Machine]:
    program("docker")
    project = f"altbackup-{secrets.token_hex(4)}"
    machine = Machine(project, _write(tmp_path / "site", project, tmp_path, restic_binary))
    try:
        machine.run("docker compose up -d --wait")
        with _seeded(machine):
            yield machine
    finally:
        machine.run("docker compose down --volumes --timeout 2")


def _write(directory: Path, project: str, root: Path, restic: Path) -> Path:
    platform = {
        "kind": "docker",
        "name": "alt",
        "project": project,
        "volumes_root": str(root / "nothing-is-mounted"),
        "throwaway_memory_mb": 1024,
    }
    offsite = {"url": str(root / "offsite")}
    return write_site(directory, platform=platform, volumes=VOLUMES, restic=restic, offsite=offsite)


@contextmanager
def _seeded(machine: Machine) -> Iterator[None]:
    seed = (ROOT / "tests" / "postgresql_seed.sql").read_text()
    for service, user, name in SERVER.values():
        container = machine.run(f"docker compose ps -q {service}")
        argv = ["docker", "exec", "-i", container, "psql", "-Xq", "-U", user, "-d", name]
        subprocess.run(
            [*argv, "-v", "ballast=50"], input=seed, text=True, check=True, capture_output=True
        )
    for number in range(50):
        machine.redis(f"XADD events * number {number}")
    machine.redis(
        "XGROUP CREATE events readers 0", "XREADGROUP GROUP readers me COUNT 7 STREAMS events >"
    )
    make_tokens(machine.directory("oauth_token_data"))
    make_grafana(machine.directory("grafana_data"))
    deadline = time.monotonic() + _START_SECONDS
    while "up{" not in machine.prometheus("up", int(time.time())):
        assert time.monotonic() < deadline, "Prometheus scrapes nothing"
        time.sleep(0.2)
    machine.scraped_at = int(time.time())
    yield


def _commands() -> list[str]:
    """Return the runbook's commands, in order."""
    return re.findall(r"^\s*\$ (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)


def test_the_runbook_brings_everything_back(machine: Machine) -> None:
    """Volumes and local repository are destroyed; its commands bring all of it back, equal."""
    for command in ("alt-backup backup", "alt-backup offsite", "alt-backup drill"):
        machine.run(command)
    assert list((machine.directory("prometheus_data") / "snapshots").iterdir()) == []
    before = machine.facts()
    assert len(before["prometheus"].splitlines()) > 100
    machine.run("docker compose down --volumes --timeout 2")
    site = machine.config.parent
    for gone in (site / "repository", site / "state"):
        shutil.rmtree(gone)
    for command in _commands():
        machine.run(command, check=command != "alt-backup status")
    assert machine.facts() == before
