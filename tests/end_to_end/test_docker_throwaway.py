"""Throw-away containers on the Docker engine: what they may do, and that they never stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from alt_backup_assets.errors import PlatformError, ServiceVanished, ToolFailed
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.owner import MAX_LIFETIME_SECONDS
from alt_backup_assets.platforms.seam import Platform, Runtime
from tests.end_to_end.docker_fixtures import (
    POSTGRESQL_15,
    POSTGRESQL_17,
    Project,
    config,
    live_project,
    remove,
)
from tests.platform_contract import MIB

pytestmark = pytest.mark.end_to_end

RUNTIME = Runtime(POSTGRESQL_17, "")


@pytest.fixture(scope="module", name="project")
def _project() -> Iterator[Project]:
    with live_project() as project:
        yield project


@pytest.fixture(name="platform")
def _platform(project: Project, tmp_path: Path) -> Platform:
    return DockerEngine(config(project, tmp_path))


def test_a_target_is_made_of_the_image_of_the_dump(project: Project, platform: Platform) -> None:
    """The exact image goes before its name; the name is good enough where that is gone."""
    exact = Runtime(POSTGRESQL_17, str(project.client.images.get(POSTGRESQL_15).id))
    with platform.throwaway("live-db", exact) as place:
        assert b"(PostgreSQL) 15" in place.run(["postgres", "--version"], timeout_seconds=20)
    by_name = Runtime(POSTGRESQL_17, "sha256:" + "0" * 64)
    with platform.throwaway("live-db", by_name) as place:
        assert b"(PostgreSQL) 17" in place.run(["postgres", "--version"], timeout_seconds=20)


def thrown(project: Project) -> Container:
    """Return the one throw-away container of the project."""
    labels = ["io.alt-backup.throwaway=1", f"io.alt-backup.platform={project.name}"]
    (container,) = project.client.containers.list(all=True, filters={"label": labels})
    return container


def test_a_target_is_caged(project: Project, tmp_path: Path) -> None:
    """No network but its own loopback, no rights, capped, and it ends by itself."""
    caps = {"throwaway_memory_mb": 256, "throwaway_cpus": 0.5}
    platform = DockerEngine(config(project, tmp_path, **caps))
    with platform.throwaway("live-db", RUNTIME, user="postgres") as place:
        assert place.run(["id", "-un"], timeout_seconds=20) == b"postgres\n"
        interfaces = place.run(["ls", "/sys/class/net"], timeout_seconds=20).split()
        assert interfaces == [b"lo"]
        status = place.run(["cat", "/proc/self/status"], timeout_seconds=20).decode()
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        details = thrown(project).attrs
        assert details["HostConfig"]["Memory"] == 256 * MIB
        assert details["HostConfig"]["NanoCpus"] == 5 * 10**8
        assert details["HostConfig"]["PidsLimit"] > 0
        assert details["HostConfig"]["Binds"] is None
        assert details["Config"]["Entrypoint"] == ["sleep", str(MAX_LIFETIME_SECONDS)]


def test_a_server_runs_in_a_target(platform: Platform) -> None:
    """What the target is for: PostgreSQL starts there as its own user, and answers."""
    with platform.throwaway("live-db", RUNTIME, user="postgres") as place:
        data, where = f"{place.directory}/data", {"PGHOST": place.directory}
        options = f"-k {place.directory} -c listen_addresses="
        for argv in (
            ["initdb", "--no-sync", "-A", "trust", "-D", data],
            ["pg_ctl", "-D", data, "-l", f"{place.directory}/log", "-o", options, "-w", "start"],
        ):
            place.run(argv, timeout_seconds=120)
        query = ["psql", "-XAtc", "SELECT 6 * 7", "postgres"]
        assert place.run(query, timeout_seconds=20, env=where) == b"42\n"


def test_a_target_takes_its_anonymous_volumes_along(project: Project, platform: Platform) -> None:
    """The image's declared volume does not stay behind."""
    with platform.throwaway("live-db", RUNTIME):
        mounts = thrown(project).attrs["Mounts"]
        assert [mount["Type"] for mount in mounts] == ["volume"]
    with pytest.raises(NotFound):
        project.client.volumes.get(mounts[0]["Name"])


def test_a_target_of_a_compose_built_image_is_not_the_service(
    project: Project, platform: Platform
) -> None:
    """An image that Compose built carries the service's labels; a target must shed them."""
    live = platform.service("live-db")
    labels = {
        "com.docker.compose.project": project.name,
        "com.docker.compose.service": "live-db",
    }
    base = project.client.containers.create(POSTGRESQL_17, labels=labels)
    built = base.commit(
        f"{project.name}:built", changes=[f"LABEL {k}={v}" for k, v in labels.items()]
    )
    remove(base)
    try:
        with platform.throwaway("live-db", Runtime("", str(built.id))):
            assert platform.service("live-db").label == live.label
    finally:
        project.client.images.remove(str(built.id), force=True)


def test_a_target_that_cannot_start_leaves_nothing(project: Project, platform: Platform) -> None:
    """A user the image does not have is an error, and the container goes."""
    with (
        pytest.raises((PlatformError, ToolFailed)),
        platform.throwaway("live-db", RUNTIME, user="no-such-user"),
    ):
        raise AssertionError("a target was made")
    labels = ["io.alt-backup.throwaway=1", f"io.alt-backup.platform={project.name}"]
    assert project.client.containers.list(all=True, filters={"label": labels}) == []


def test_a_target_that_vanished_takes_no_files(
    project: Project, platform: Platform, tmp_path: Path
) -> None:
    """Putting a file into a container that is gone is its own error."""
    source = tmp_path / "dump"
    source.write_bytes(b"x")
    with platform.throwaway("live-db", RUNTIME) as place:
        remove(thrown(project))
        with pytest.raises(ServiceVanished):
            place.put(source)


def test_a_sweep_is_for_its_own_platform(project: Project, platform: Platform) -> None:
    """Targets of another platform on the same engine are not ours to judge."""
    labels = {
        "io.alt-backup.throwaway": "1",
        "io.alt-backup.platform": project.name,
        # A container's hostname that no container has: its process is surely gone.
        "io.alt-backup.owner": "0123456789ab/1/1/1",
    }
    mine = project.client.containers.create(POSTGRESQL_17, labels=labels)
    other = {**labels, "io.alt-backup.platform": f"{project.name}-other"}
    theirs = project.client.containers.create(POSTGRESQL_17, labels=other)
    try:
        assert platform.sweep() == (mine.name,)
        theirs.reload()
    finally:
        remove(mine)
        remove(theirs)


def test_a_sweep_spares_what_a_running_container_made(project: Project, platform: Platform) -> None:
    """A target whose owner's container still runs is left to it."""
    owner = project.run("backup")
    labels = {
        "io.alt-backup.throwaway": "1",
        "io.alt-backup.platform": project.name,
        "io.alt-backup.owner": f"{str(owner.id)[:12]}/1/1/1",
    }
    target = project.client.containers.create(POSTGRESQL_17, labels=labels)
    try:
        assert platform.sweep() == ()
        owner.kill()
        assert platform.sweep() == (target.name,)
    finally:
        remove(target)
