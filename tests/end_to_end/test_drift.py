"""Drift on a real engine: real compose files with includes, real containers, a real repository."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from alt_backup_assets.definitions.build import build_defs
from alt_backup_assets.definitions.schedules import PARTITION_TAG
from alt_backup_assets.site import open_site
from tests.end_to_end.docker_fixtures import (
    LIFETIME_SECONDS,
    POSTGRESQL_17,
    Project,
    compose_project,
)
from tests.sites import Settings, alt_backup, make_template, write_site

pytestmark = pytest.mark.end_to_end

_RUN = {
    "image": POSTGRESQL_17,
    "pull_policy": "never",
    "network_mode": "none",
    "init": True,
    "entrypoint": ["sleep", LIFETIME_SECONDS],
}
_REVIEW = {"reason": "can be downloaded again", "review": "2999-12-31"}
PLANNED: dict[str, Settings] = {
    "db_data": {"service": "db", "engine": "files", "category": "critical"},
    "models": {"service": "app", "category": "models", "excluded": _REVIEW},
}
EXTERNAL: Settings = {"service": "app", "engine": "files", "category": "data"}
DRIFTED: dict[str, Settings] = PLANNED | {
    "later_data": {"service": "later", "engine": "files", "category": "data"},
    "moved-data": {"service": "web", "engine": "files", "category": "data"},
    "old_models": {
        "service": "app",
        "category": "models",
        "excluded": _REVIEW | {"review": "2026-01-31"},
    },
}


@dataclass(frozen=True)
class Stack:
    """A Compose project that is up, and what makes sites for it."""

    project: Project
    directory: Path
    restic: Path
    files: tuple[str, ...]

    @property
    def external(self) -> str:
        """The full name of the volume that the project did not make."""
        return f"{self.project.name}-elsewhere"

    def site(self, name: str, volumes: dict[str, Settings], **platform: object) -> Path:
        """Write the files of a site."""
        project = self.project.name
        settings = {"kind": "docker", "name": f"{project}-{name}", "project": project}
        return write_site(
            self.directory / name,
            platform=settings | {"compose_files": list(self.files)} | platform,
            volumes=volumes | {self.external: EXTERNAL},
            restic=self.restic,
            template=self.directory / "template",
        )


def _write(path: Path, services: Mapping[str, object], **more: object) -> str:
    mounted = [m for s in services.values() if isinstance(s, dict) for m in s.get("volumes", [])]
    named = {m.partition(":")[0]: None for m in mounted if not m.startswith("/")}
    declared = {"services": services, "volumes": named, **more}
    path.write_text(yaml.safe_dump(declared))
    return str(path)


def _compose_files(directory: Path, shared: str) -> tuple[str, ...]:
    secret = {"POSTGRES_DB": "alt", "POSTGRES_USER": "alt_user", "POSTGRES_PASSWORD": "hush-hush"}
    _write(directory / "db.yaml", {"db": _RUN | {"volumes": ["db_data:/d"], "environment": secret}})
    app = {"volumes": ["models:/m", "old_models:/o", "external:/s", "/anonymous", "/nothing"]}
    later = {"volumes": ["later_data:/l"], "profiles": ["later"]}
    services = {"app": _RUN | app, "later": _RUN | later, "api": _RUN | {"volumes": ["new:/n"]}}
    main = _write(directory / "compose.yaml", services, include=["db.yaml"])
    web = _write(directory / "web.yaml", {"web-1": _RUN | {"volumes": ["moved_data:/v"]}})
    external = {"volumes": {"external": {"external": True, "name": shared}}}
    (directory / "external.yaml").write_text(yaml.safe_dump(external))
    return (main, web, str(directory / "external.yaml"))


def _quiet(services: Mapping[str, str]) -> dict[str, Settings]:
    """Exclude volumes of services."""
    excluded = {"category": "models", "excluded": _REVIEW}
    return {volume: {"service": service, **excluded} for volume, service in services.items()}


@pytest.fixture(scope="module", name="stack")
def _stack(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("drift")
    make_template(directory / "template", restic_binary)
    with compose_project() as project:
        shared = f"{project.name}-elsewhere"
        project.volume("shared", labelled=False, full_name=shared)
        project.volume("left_over")
        files = _compose_files(directory, shared)
        words = [word for file in files for word in ("-f", file)]
        compose = ["docker", "compose", "-p", project.name, *words]
        try:
            subprocess.run([*compose, "up", "-d", "--quiet-pull"], check=True, capture_output=True)
            app = project.client.containers.get(f"{project.name}-app-1")
            db = project.client.containers.get(f"{project.name}-db-1")
            for container, path in ((app, "/anonymous"), (app, "/s"), (db, "/d")):
                written = container.exec_run(["sh", "-c", f"echo data > {path}/file"])
                assert written.exit_code == 0
            yield Stack(project, directory, restic_binary, files)
        finally:
            down = [*compose, "--profile", "*", "down", "-v", "-t", "1"]
            subprocess.run(down, check=True, capture_output=True)


def _drift(site: Path) -> tuple[int, dict[str, Any]]:
    started = time.monotonic()
    ran = alt_backup(site, "drift", "--json")
    print(f"drift took {time.monotonic() - started:.2f} s")  # noqa: T201 -- a measurement
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def test_every_state_is_told_on_a_real_engine(stack: Stack) -> None:
    """Planned, excluded, unplanned, stale, not mounted and anonymous volumes are all named."""
    site = stack.site("drifted", DRIFTED | {"ghost_data": PLANNED["db_data"]})
    code, answer = _drift(site)
    states = {volume["name"]: volume["state"] for volume in answer["volumes"]}
    details = {volume["name"]: volume["detail"] for volume in answer["volumes"]}
    (anonymous,) = (name for name, state in states.items() if state == "anonymous")
    assert (code, answer["verdict"]) == (1, "DRIFT")
    assert states == {
        "db_data": "planned",
        stack.external: "planned",
        "models": "excluded",
        "later_data": "not_mounted",
        "moved-data": "stale",
        "old_models": "unplanned",
        "ghost_data": "stale",
        "left_over": "unplanned",
        "moved_data": "unplanned",
        "new": "unplanned",
        anonymous: "anonymous",
    }
    assert details["later_data"] == "declared, no volume exists yet"
    assert details["moved_data"].endswith("did you mean `moved-data`?")
    assert details["db_data"].startswith("no snapshot holds it")
    assert "`app`" in details[anonymous]


def test_a_planned_platform_has_no_drift_and_the_check_in_dagster_follows(stack: Stack) -> None:
    """Planned, backed up and reviewed there is no drift; a new volume turns the check red."""
    rest = {"old_models": "app", "new": "api", "moved_data": "web-1", "later_data": "later"}
    config = stack.site("quiet", PLANNED | _quiet(rest | {"left_over": "api"}))
    app = stack.project.client.containers.get(f"{stack.project.name}-app-1")
    assert app.exec_run(["rm", "/anonymous/file"]).exit_code == 0
    try:
        backup = alt_backup(config, "backup")
        assert backup.returncode == 0, backup.stderr
        code, answer = _drift(config)
        assert (code, answer["verdict"], answer["reasons"]) == (0, "GOOD", [])
        assert _checked(config).passed
        surprise = stack.project.volume("surprise")
        red = _checked(config)
        assert (red.passed, red.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "surprise: nobody planned or excluded it" in str(red.description)
        surprise.remove()
        assert _checked(config).passed
    finally:
        app.exec_run(["sh", "-c", "echo data > /anonymous/file"])


def _checked(config: Path) -> dg.AssetCheckEvaluation:
    site = open_site(config)
    job = build_defs(site).get_repository_def().get_job("status_checks")
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {PARTITION_TAG: site.today.isoformat()}
        done = job.execute_in_process(instance=instance, tags=tags)
    (found,) = (e for e in done.get_asset_check_evaluations() if e.check_name == "no_drift")
    return found


def test_without_compose_files_that_side_is_said_to_be_missing(stack: Stack) -> None:
    """The engine alone is compared, and the answer says what was not."""
    code, answer = _drift(stack.site("engine-only", DRIFTED, compose_files=[]))
    states = {volume["name"]: volume["state"] for volume in answer["volumes"]}
    assert code == 1
    assert answer["reasons"][0].startswith("WARNING: what the compose files declare was not")
    assert states["later_data"] == "stale"
    assert states["new"] == "unplanned"


def test_what_is_proposed_makes_a_registry_that_loads(stack: Stack) -> None:
    """Missing entries are printed for review, with the declared database and without a secret."""
    config = stack.site("proposed", {"models": PLANNED["models"]})
    ran = alt_backup(config, "config", "propose")
    proposed = yaml.safe_load(ran.stdout)["volumes"]
    assert ran.returncode == 0
    assert set(proposed) == {
        *("db_data", "later_data", "left_over", "moved_data", "new", "old_models")
    }
    assert proposed["new"] == {"service": "api", "engine": "postgresql"} | {
        "category": "critical",
        "databases": ["FIXME"],
        "user": "FIXME",
    }
    assert (proposed["db_data"]["databases"], proposed["db_data"]["user"]) == (["alt"], "alt_user")
    assert "hush-hush" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ({"docker_host": "unix:///nonexistent/docker.sock"}, "does not answer"),
        ({"compose_files": ["/nonexistent/compose.yaml"]}, "compose"),
    ],
)
def test_what_cannot_be_asked_is_a_failure(
    stack: Stack, platform: dict[str, object], said: str
) -> None:
    """An engine that is away, or a compose file, is exit code 2 and never an empty list."""
    code, answer = _drift(stack.site(f"broken-{said.replace(' ', '-')}", PLANNED, **platform))
    assert (code, answer["verdict"]) == (2, "FAILED")
    assert said in answer["reasons"][0]
    assert "volumes" not in answer
