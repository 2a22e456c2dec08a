"""The containers of runs on the real engine: which are removed, and which one still runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.platforms import docker_runs
from alt_backup_assets.platforms.docker import DockerEngine
from tests.end_to_end.docker_fixtures import POSTGRESQL_17, Project, compose_project, config

pytestmark = pytest.mark.end_to_end


def _run(project: Project, command: str, *, of: str | None = None) -> str:
    """Start a container as Dagster's launcher does, and return its id."""
    container = project.client.containers.run(
        POSTGRESQL_17,
        ["sh", "-c", command],
        detach=True,
        network_mode="none",
        labels={"io.alt-backup.test-project": project.name, docker_runs.LABEL: of or project.name},
    )
    return str(container.id)


def test_only_runs_that_ended_a_day_ago_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run under way stays, whatever its age; so do another platform's, and today's."""
    with compose_project() as project:
        ended, other = _run(project, "true"), _run(project, "true", of="somebody-else")
        under_way = _run(project, "exec sleep 600")
        project.client.containers.get(ended).wait()
        project.client.containers.get(other).wait()
        engine = DockerEngine(config(project, tmp_path))
        assert engine.sweep() == ()
        monkeypatch.setattr(docker_runs, "KEPT_SECONDS", -60)
        name = str(project.client.containers.get(ended).name)
        assert engine.sweep() == (name,)
        left = {c.id for c in project.client.containers.list(all=True, ignore_removed=True)}
        assert ended not in left
        assert {other, under_way} <= left


def test_a_container_that_runs_is_told_from_one_that_is_gone(tmp_path: Path) -> None:
    """By the short id, which is the host name in a lock; a container that ended counts as gone."""
    with compose_project() as project:
        engine = DockerEngine(config(project, tmp_path))
        container = _run(project, "exec sleep 600")
        assert engine.container_runs(container[:12])
        project.client.containers.get(container).kill()
        project.client.containers.get(container).wait()
        assert not engine.container_runs(container[:12])
        project.client.containers.get(container).remove()
        assert not engine.container_runs(container[:12])
