"""The backup stack as an operator starts it, beside the sample platform, both by Compose.

Holds starting it, asking it and hurting it. Keep out: what the tests expect.
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
from pathlib import Path
from typing import Any, TypeVar

import docker
import httpx
import yaml
from docker.models.containers import Container

from alt_backup_assets.site import Site, open_site
from tests.dagster_home import ROOT, zone_of_noon
from tests.end_to_end.docker_fixtures import POSTGRESQL_15, POSTGRESQL_17
from tests.end_to_end.stack import Server

IMAGE = "alt-backup-test/backup:1"
REDIS = "alt-backup-test/redis:8"
SOCKET = "unix:///var/run/docker.sock"
COMMAND = ("-m", "alt_backup_assets.cli")
OPERATOR = "operator"
RUN = "io.alt-backup.run"
PATIENCE_SECONDS = 600.0
"""For anything that is to happen at last; nothing is judged by time."""

NEVER = "0 0 29 2 *"
EVERY_MINUTE = "* * * * *"
"""The daily job, until it has been seen once."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Deployment:
    """The two projects.

    Attributes:
        directory: Where all that must survive is; the same path in the containers.
        name: Of the platform's project; the stack's is its with `-backup`.
        secrets: Every secret there is, by what it is for.
    """

    directory: Path
    name: str
    secrets: Mapping[str, str]
    client: docker.DockerClient = field(default_factory=docker.from_env)

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.directory / "etc" / "alt-backup.yaml"

    @property
    def site(self) -> Site:
        """The same site from the host."""
        return open_site(self.config)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the compose files read."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            **engine(),
            "ALT_BACKUP_DOCKER_SOCKET": engine().get("DOCKER_HOST", SOCKET).removeprefix("unix://"),
            "POSTGRES_17": POSTGRESQL_17,
            "POSTGRES_16": POSTGRESQL_15,
            "REDIS": REDIS,
            "TOOLS": REDIS,
            "DB_CONTAINER": f"{self.name}-db",
            "DB_PASSWORD_FILE": str(self.directory / "db_password"),
            "ALT_BACKUP_IMAGE": IMAGE,
            "ALT_BACKUP_POSTGRES_IMAGE": POSTGRESQL_17,
            "ALT_BACKUP_STORAGE_PASSWORD_FILE": str(self.directory / "etc/storage_password"),
            "ALT_BACKUP_UI_USERS": str(self.directory / "ui_users"),
            "ALT_BACKUP_UI_PORT": "0",
            "ALT_BACKUP_ADMIN_PORT": "0",
            "ALT_BACKUP_METRICS_PORT": "0",
        }

    @property
    def db(self) -> Server:
        """The main database's server."""
        return Server(self.container("db", of_platform=True), "alt_db_user", "alt")

    def seed(self) -> None:
        """Give the platform something to lose."""
        self.db.sql(
            "CREATE TABLE article AS SELECT i AS id, md5(i::text) AS title"
            " FROM generate_series(1, 5000) AS i"
        )
        self.platform("exec", "-T", "redis-streams", "redis-cli", "XADD", "feed", "*", "id", "1")

    def platform(self, *arguments: str) -> str:
        """Run ``docker compose`` on the platform; it must succeed."""
        return self._compose(self.name, ["platform.yaml"], arguments)

    def stack(self, *arguments: str) -> str:
        """Run ``docker compose`` on the backup stack; it must succeed."""
        files = ["backup.yaml", str(self.directory / "site.yaml")]
        profiles = ("--profile", "backup", "--profile", "backup-admin")
        return self._compose(f"{self.name}-backup", files, (*profiles, *arguments))

    def _compose(self, project: str, files: list[str], arguments: tuple[str, ...]) -> str:
        named = [part for file in files for part in ("-f", str(ROOT / "compose" / file))]
        done = subprocess.run(
            ["docker", "compose", "-p", project, *named, *arguments],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"compose {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def container(self, service: str, *, of_platform: bool = False) -> Container:
        """Return the container of a service."""
        project = self.name if of_platform else f"{self.name}-backup"
        labels = [
            f"com.docker.compose.project={project}",
            f"com.docker.compose.service={service}",
            "com.docker.compose.oneoff=False",
        ]
        (found,) = self.client.containers.list(all=True, filters={"label": labels})
        return found

    def runs(self) -> list[Container]:
        """Return the containers of runs, the newest first."""
        return list(
            self.client.containers.list(
                all=True, filters={"label": f"{RUN}={self.name}"}, ignore_removed=True
            )
        )

    def said(self, run_id: str) -> str:
        """Return the end of what the container of a run said."""
        labels = [f"{RUN}={self.name}", f"dagster/run_id={run_id}"]
        found = self.client.containers.list(all=True, filters={"label": labels})
        return "\n".join(container.logs(tail=40).decode() for container in found)

    def kill(self, container: Container) -> None:
        """Kill a container's first process with -9 from outside, as a machine out of memory does.

        Unlike ``docker kill`` this is nobody's wish that it be stopped.
        """
        container.reload()
        self.client.containers.run(
            REDIS,
            ["sh", "-c", f"kill -9 {container.attrs['State']['Pid']}"],
            user="root",
            pid_mode="host",
            network_mode="none",
            remove=True,
        )

    def run(self, service: str, *argv: str) -> tuple[int, str]:
        """Run a command in a service's container; return exit code and output."""
        done = self.container(service).exec_run(list(argv))
        assert isinstance(done.output, bytes)
        assert done.exit_code is not None, f"{argv[0]} in {service} did not end"
        return int(done.exit_code), done.output.decode(errors="replace")

    def inside(self, *arguments: str) -> tuple[int, str]:
        """Run ``alt-backup`` in the code server's container; return exit code and output."""
        return self.run("code", "alt-backup", *arguments)

    def outside(self, *arguments: str) -> tuple[int, str]:
        """Run ``alt-backup`` on the host, with the same configuration."""
        # Root's, as in the containers: state and repositories are nobody else's to read.
        given = [f"{name}={value}" for name, value in engine().items()]
        root = [str(ROOT / "scripts/as_root"), "env", *given]
        done = subprocess.run(
            [*root, sys.executable, *COMMAND, *arguments, "--config", str(self.config)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout

    def ask(self, query: str, *, admin: bool = True, **variables: object) -> dict[str, Any]:
        """Ask the UI's GraphQL interface; an error in the answer is one."""
        ui = self.container("ui-proxy" if admin else "ui")
        published = ui.ports.get("3000/tcp")  # Compose would be a process for each question
        assert published, f"{ui.name} is not up"
        credentials = (OPERATOR, self.secrets["ui"]) if admin else None
        answer = httpx.post(
            f"http://{published[0]['HostIp']}:{published[0]['HostPort']}/graphql",
            json={"query": query, "variables": variables},
            auth=credentials,
            timeout=60,
        )
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        assert "errors" not in content, content["errors"]
        return dict(content["data"])


def engine() -> Mapping[str, str]:
    """Return what says that another engine than this machine's is meant, and where it answers."""
    names = ("DOCKER_HOST", "ALT_BACKUP_BIND")
    return {name: os.environ[name] for name in names if name in os.environ}


def eventually(question: Callable[[], Found | None], what: str, pause: float = 0.5) -> Found:
    """Ask until there is an answer; while a service restarts, none is none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last: object = None
    while time.monotonic() < deadline:
        try:
            if answer := question():
                return answer
        except (httpx.HTTPError, AssertionError, docker.errors.DockerException, OSError) as error:
            last = error
        time.sleep(pause)
    raise AssertionError(f"{what}: never, {last}")


@contextmanager
def deployment(directory: Path, *volumes: str, daily: str = EVERY_MINUTE) -> Iterator[Deployment]:
    """Start the platform and the stack; all of both is removed at the end.

    Args:
        directory: For all that must survive.
        volumes: Those of the example's registry that are planned; none for all of them.
        daily: When the daily job is due.
    """
    made = _prepare(directory, volumes, daily)
    try:
        made.platform("up", "-d", "--wait")
        made.seed()
        said, _ = made.outside("compose", "--output", str(directory / "site.yaml"))
        assert said == 0
        made.stack("up", "-d")
        yield made
    finally:
        if (directory / "site.yaml").exists():
            made.stack("stop", "--timeout", "1", "daemon", "ui-admin")  # they would launch runs
            made.stack("down", "-v", "--remove-orphans", "--timeout", "1")
        made.platform("down", "-v", "--timeout", "1")
        made.client.close()


def _prepare(directory: Path, volumes: tuple[str, ...], daily: str) -> Deployment:
    """Write the files of a site, as the example has them, but with everything in one directory."""
    etc = directory / "etc"
    (etc / "secrets").mkdir(parents=True)
    for name in ("state", "repository", "offsite"):
        (directory / name).mkdir(exist_ok=True)
    words = {name: secrets.token_urlsafe(24) for name in ("restic", "storage", "db", "ui")}
    name = f"altbackup-{secrets.token_hex(3)}"
    _secret(etc / "secrets/restic_password", words["restic"])
    _secret(etc / "storage_password", words["storage"])
    _secret(directory / "db_password", words["db"])
    _secret(
        directory / "ui_users",
        f"userlist operators\n  user {OPERATOR} insecure-password {words['ui']}",
    )
    example = ROOT / "compose" / "example"
    entries = yaml.safe_load((example / "registry.yaml").read_text())["volumes"]
    planned = {name: entries[name] for name in volumes or entries}
    (etc / "registry.yaml").write_text(yaml.safe_dump({"volumes": planned}))
    content = yaml.safe_load((example / "alt-backup.yaml").read_text())
    content["platform"] |= {"name": name, "project": name, "throwaway_memory_mb": 1024}
    content["timezone"] = zone_of_noon()
    content["directories"] = {"state": str(directory / "state")}
    content["repositories"]["local"]["url"] = str(directory / "repository")
    content["repositories"]["offsite"]["url"] = str(directory / "offsite")
    others = ("hourly", "log_rotation", "offsite", "metrics", "weekly_drill")
    content["schedules"] = dict.fromkeys(others, NEVER) | {"daily": daily}
    (etc / "alt-backup.yaml").write_text(yaml.safe_dump(content))
    return Deployment(directory, name, words)


def _secret(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{content}\n")


def as_json(answer: tuple[int, str]) -> tuple[int, dict[str, Any]]:
    """Return a verb's exit code and its answer."""
    code, said = answer
    return code, json.loads(said[said.index("{") :])
