"""A Compose platform with every engine, the site that backs it up, and what an operator sees in it.

The services are those of ``platform/compose.yaml``. Keep out: what a test does to them.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.grafana import facts as grafana_facts
from tests.grafana import make_grafana
from tests.sites import FILES, ROOT, Settings, database, make_tokens, write_site

COMPOSE = ROOT / "tests" / "end_to_end" / "platform" / "compose.yaml"
IMAGES = (
    "alt-backup-test/postgresql:15",
    "alt-backup-test/postgresql:17",
    "alt-backup-test/redis:8",
    "alt-backup-test/prometheus:2.42.0",
    "alt-backup-test/doubles:1",
)
KEY = "protects-nothing"
SERVER: dict[str, tuple[str, str, str]] = {
    "db_data_17": ("db", "alt_db_user", "alt"),
    "kratos_db_data": ("kratos-db", "kratos_user", "kratos"),
}
STRANGER = "nobody_registered"
_CLICKHOUSE: Settings = {"service": "clickhouse", "category": "metrics"}
_START_SECONDS = 60
_PROMETHEUS = "http://127.0.0.1:9090"
_POSTGRESQL_FACTS = """
SELECT json_agg(x ORDER BY x::text)::text FROM (
  SELECT id, f, n, j, b FROM odd_values) x
"""
_CLICKHOUSE_SEED = (
    "CREATE DATABASE alt ENGINE = Atomic",
    "CREATE TABLE alt.logs (k Int64, s String, f Float64) ENGINE = MergeTree ORDER BY k",
    "INSERT INTO alt.logs SELECT number, toString(number % 7), nan FROM numbers(1000)",
    "CREATE VIEW alt.seen AS SELECT count() AS n FROM alt.logs",
)
_CLICKHOUSE_FACTS = "SELECT n, (SELECT groupBitXor(cityHash64(*)) FROM alt.logs) AS h FROM alt.seen"


def volumes(key: Path) -> dict[str, Settings]:
    """Return the registry; ``key`` is the file with the key of ClickHouse and Meilisearch."""
    tokens = {"token.json": {"format": "json", "keys": ["refresh_token"]}}
    reason = {"reason": "holds an archive only while one is made", "review": "2099-12-31"}
    return {
        **{name: database(*server) for name, server in SERVER.items()},
        "redis-streams-data": {"service": "redis-streams", "engine": "redis", "category": "data"},
        "oauth_token_data": {**FILES, "contents": tokens},
        "prometheus_data": {"service": "prometheus", "engine": "prometheus", "category": "metrics"},
        "grafana_data": {"service": "grafana", "engine": "grafana", "category": "metrics"},
        "clickhouse_data": {
            **_CLICKHOUSE,
            "engine": "clickhouse",
            "databases": ["alt"],
            "user": "default",
            "password_file": str(key),
        },
        "clickhouse_backups": {**_CLICKHOUSE, "excluded": reason},
        "meili_data": {
            "service": "meilisearch",
            "engine": "meilisearch",
            "category": "search",
            "password_file": str(key),
            "poll_seconds": 0.2,
        },
    }


@dataclass
class Machine:
    """A Compose project, and the site that backs it up.

    Attributes:
        project: The project's name.
        config: The site's configuration.
        key: The file with the key of ClickHouse and Meilisearch.
        engine: The environment in which Docker's client means this machine's engine.
        scraped_at: A moment of which Prometheus has samples, in seconds since 1970.
    """

    project: str
    config: Path
    key: Path
    engine: Mapping[str, str] = field(default_factory=dict)
    scraped_at: int = 0

    def call(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as an operator would, to its end."""
        environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
        environment |= {
            "ALT_BACKUP_CONFIG": str(self.config),
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": str(COMPOSE),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:{environment['PATH']}",
            **self.engine,
        }
        return subprocess.run(
            argv,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a command line as an operator types it, and return what it says."""
        done = self.call(*command.split())
        if done.returncode and check:
            logs = self.run("docker compose logs --tail 5", check=False)
            said = f"{done.stdout}{done.stderr}\n{logs}"
            raise AssertionError(f"{command}\nexit {done.returncode}\n{said}")
        return done.stdout.strip()

    def inside(self, service: str, *argv: str, stdin: str = "") -> str:
        """Run a program in a service and return what it says."""
        done = self.call("docker", "compose", "exec", "-T", service, *argv, stdin=stdin)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def directory(self, volume: str) -> Path:
        """Return where the engine keeps a volume."""
        full = f"{self.project}_{volume}"
        return Path(self.run(f"docker volume inspect --format {{{{.Mountpoint}}}} {full}"))

    def url(self, service: str, port: int) -> str:
        """Return where a service answers on this machine."""
        container = self.run(f"docker compose ps -q {service}")
        path = "{{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return f"http://{self.run(f'docker inspect --format {path} {container}')}:{port}"

    def facts(self) -> dict[str, str]:
        """Return what an operator would look at in every engine, asked of the engine itself."""
        return {
            **{name: self.sql(name, _POSTGRESQL_FACTS).stdout for name in SERVER},
            "redis": self.redis(
                "DBSIZE", "XLEN events", "XINFO GROUPS events", "XRANGE events - +"
            ),
            "tokens": _tree(self.directory("oauth_token_data")),
            "prometheus": self.prometheus('{job="itself"}', self.scraped_at),
            "grafana": grafana_facts(self.directory("grafana_data")),
            "clickhouse": self.clickhouse(_CLICKHOUSE_FACTS),
            "meilisearch": "\n".join(
                self.meilisearch("GET", f"/indexes/movies/{what}") for what in ("stats", "settings")
            ),
        }

    def sql(self, volume: str, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run SQL in a PostgreSQL server."""
        service, user, name = SERVER[volume]
        psql = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", name, *options)
        return self.call("docker", "compose", "exec", "-T", service, *psql, stdin=text)

    def prometheus(self, query: str, moment: int) -> str:
        """Return every series there was at a moment, with its value."""
        argv = ("promtool", "query", "instant", "--time", str(moment), _PROMETHEUS, query)
        return "\n".join(sorted(self.inside("prometheus", *argv).splitlines()))

    def redis(self, *commands: str) -> str:
        """Run commands of Redis and return its answers."""
        return "\n".join(
            self.inside("redis-streams", "redis-cli", *command.split()) for command in commands
        )

    def clickhouse(self, query: str) -> str:
        """Run a query of ClickHouse and return its answer."""
        headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": KEY}
        url = self.url("clickhouse", 8123)
        said = httpx.post(url, content=query, headers=headers, timeout=60, trust_env=False)
        assert said.status_code == httpx.codes.OK, said.text
        return said.text

    def meilisearch(self, method: str, path: str, body: object = None) -> str:
        """Ask Meilisearch, and return its answer."""
        headers = {"Authorization": f"Bearer {KEY}"}
        url = self.url("meilisearch", 7700) + path
        said = httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)
        assert said.is_success, said.text
        return said.text


def wait_until(happened: Callable[[], bool], *, what: str) -> None:
    """Wait until something is so; an engine that does not answer yet is not there yet."""
    deadline = time.monotonic() + _START_SECONDS
    while not _so(happened):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def _so(happened: Callable[[], bool]) -> bool:
    try:
        return happened()
    except (AssertionError, httpx.HTTPError):
        return False  # it is starting


@contextmanager
def every_engine(root: Path, restic: Path) -> Iterator[Machine]:
    """Run the platform with data in every engine; all of it is gone afterwards."""
    project = f"altbackup-{secrets.token_hex(4)}"
    key = root / "key"
    key.touch(mode=0o600)
    key.write_text(f"{KEY}\n")
    machine = Machine(project, _site(root, project, key, restic), key)
    try:
        machine.run("docker compose up -d --wait")
        _seed(machine)
        yield machine
    finally:
        machine.run("docker compose down --volumes --timeout 2")


def _site(root: Path, project: str, key: Path, restic: Path) -> Path:
    platform = {
        "kind": "docker",
        "name": "alt",
        "project": project,
        "volumes_root": str(root / "nothing-is-mounted"),
        "throwaway_memory_mb": 1024,
    }
    return write_site(
        root / "site",
        platform=platform,
        volumes=volumes(key),
        restic=restic,
        offsite={"url": str(root / "offsite")},
    )


def _seed(machine: Machine) -> None:
    seed = (ROOT / "tests" / "postgresql_seed.sql").read_text()
    for volume in SERVER:
        done = machine.sql(volume, seed, "-v", "ballast=50")
        assert done.returncode == 0, done.stderr
    for number in range(50):
        machine.redis(f"XADD events * number {number}")
    machine.redis(
        "XGROUP CREATE events readers 0", "XREADGROUP GROUP readers me COUNT 7 STREAMS events >"
    )
    make_tokens(machine.directory("oauth_token_data"))
    make_grafana(machine.directory("grafana_data"))
    _seed_what_starts_slowly(machine)


def _seed_what_starts_slowly(machine: Machine) -> None:
    wait_until(lambda: "1" in machine.clickhouse("SELECT 1"), what="no ClickHouse")
    for query in _CLICKHOUSE_SEED:
        machine.clickhouse(query)
    wait_until(lambda: "available" in machine.meilisearch("GET", "/health"), what="no Meilisearch")
    movies = [{"id": number, "title": f"of {number}"} for number in range(30)]
    changes = {
        "documents": ("POST", {"documents": movies}),
        "settings": ("PATCH", {"settings": {"synonyms": {"film": ["movie"]}}}),
    }
    for what, (method, body) in changes.items():
        said = json.loads(machine.meilisearch(method, f"/indexes/movies/{what}", body))
        task = f"/tasks/{said['taskUid']}"
        wait_until(partial(_succeeded, machine, task), what=what)
    wait_until(
        lambda: "up{" in machine.prometheus("up", int(time.time())),
        what="Prometheus scrapes nothing",
    )
    machine.scraped_at = int(time.time())


def _succeeded(machine: Machine, task: str) -> bool:
    return "succeeded" in machine.meilisearch("GET", task)


def _tree(directory: Path) -> str:
    argv = ["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"]
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=True)
    return "\n".join(sorted(done.stdout.splitlines()))
