"""The Docker engine keeps the contract; and what only it can do."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from alt_backup_assets.config import DockerPlatform
from alt_backup_assets.errors import (
    PlatformError,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.owner import MAX_LIFETIME_SECONDS
from alt_backup_assets.platforms.seam import Platform, Runtime
from tests.end_to_end.docker_fixtures import (
    POSTGRESQL_15,
    POSTGRESQL_17,
    Project,
    compose_project,
    remove,
)
from tests.platform_contract import MIB, PlatformContract

pytestmark = pytest.mark.end_to_end

RUNTIME = Runtime(POSTGRESQL_17, "")


@pytest.fixture(scope="module", name="project")
def _project() -> Iterator[Project]:
    with compose_project() as project:
        volume = project.volume("live_data")
        mounts = {str(volume.name): "/live"}
        live = project.run("live-db", environment={"LIVE": "1"}, volumes=mounts)
        written = live.exec_run(["sh", "-c", "printf world > /live/hello"])
        assert written.exit_code == 0
        yield project


def config(ours: Project, root: Path, **more: object) -> DockerPlatform:
    """Return the configuration of a project; its name is the project's."""
    values = {"name": ours.name, "project": ours.name, "volumes_root": root / "data", **more}
    return DockerPlatform.model_validate({"kind": "docker", **values})


@pytest.fixture(name="platform")
def _platform(project: Project, tmp_path: Path) -> Platform:
    return DockerEngine(config(project, tmp_path))


class TestDockerEngine(PlatformContract):
    """The contract, on a Docker engine."""

    @pytest.fixture(name="platform_json")
    def _platform_json(self, project: Project, tmp_path: Path) -> str:
        return config(project, tmp_path).model_dump_json()

    @pytest.fixture(autouse=True)
    def _engine(self, project: Project) -> None:
        self.client = project.client

    def assert_gone(self, directory: str, label: str) -> None:
        """Look for the container on the engine."""
        assert directory
        short_id = label.split("container ")[1].rstrip(")")
        with pytest.raises(NotFound):
            self.client.containers.get(short_id)


@pytest.mark.parametrize("end", ["kill", "stop", "remove", "restart"])
def test_a_container_that_goes_away_ends_its_commands_loudly(
    project: Project, platform: Platform, end: str
) -> None:
    """Killed, stopped, removed or restarted in mid-stream: never a short success."""
    container = project.run(f"doomed-{end}")
    doomed = platform.service(f"doomed-{end}")
    acts: dict[str, Callable[[], object]] = {
        "kill": container.kill,
        "stop": lambda: container.stop(timeout=1),
        "remove": lambda: remove(container),
        "restart": lambda: container.restart(timeout=1),
    }
    act = threading.Thread(target=acts[end])
    taken = 0

    def take(data: bytes) -> None:
        nonlocal taken
        if not taken:
            act.start()
        taken += len(data)

    with pytest.raises(ServiceVanished, match=f"doomed-{end}"):
        doomed.run(
            ["sh", "-c", "while echo x; do sleep 0.01; done"], timeout_seconds=60, stdout=take
        )
    assert taken
    act.join(timeout=60)


def test_a_session_ends_with_its_container(project: Project, platform: Platform) -> None:
    """A session whose container is killed says that the service vanished."""
    container = project.run("doomed-session")
    with platform.service("doomed-session").open(["cat"]) as session:
        session.write(b"hello\n")
        assert session.read_line(timeout_seconds=20) == b"hello"
        container.kill()
        with pytest.raises(ServiceVanished, match="doomed-session"):
            session.read_line(timeout_seconds=20)


@pytest.mark.parametrize("end", ["kill", "remove", "pause"])
def test_nothing_starts_in_a_container_that_is_gone(
    project: Project, platform: Platform, end: str
) -> None:
    """A service that went away between finding and using it has vanished."""
    container = project.run(f"gone-{end}")
    gone = platform.service(f"gone-{end}")
    acts: dict[str, Callable[[], object]] = {
        "kill": container.kill,
        "remove": lambda: remove(container),
        "pause": container.pause,
    }
    acts[end]()
    with pytest.raises(ServiceVanished, match=f"gone-{end}"):
        gone.run(["echo", "hi"], timeout_seconds=20)
    if end == "pause":
        container.unpause()


def test_a_service_that_does_not_run_is_named_with_its_state(
    project: Project, platform: Platform
) -> None:
    """The message tells a stopped service from one that never was, and how to start it."""
    project.run("stopped-db").kill()
    remedy = rf"stopped-db-\w+ is exited.*docker compose -p {project.name} up -d stopped-db"
    with pytest.raises(ServiceNotFound, match=remedy):
        platform.service("stopped-db")


def test_a_service_in_several_containers_is_refused(project: Project, platform: Platform) -> None:
    """Which of them to dump is not ours to guess; both are named."""
    names = [project.run("twin-db").name for _ in range(2)]
    with pytest.raises(ServiceNotFound, match="several containers") as caught:
        platform.service("twin-db")
    assert all(str(name) in str(caught.value) for name in names)


def test_a_one_off_container_is_not_the_service(project: Project, platform: Platform) -> None:
    """What `docker compose run` started neither stands for the service nor hides it."""
    project.run("busy-db", one_off=True)
    with pytest.raises(ServiceNotFound):
        platform.service("busy-db")
    real = project.run("busy-db")
    assert str(real.name) in platform.service("busy-db").label


def test_a_project_that_is_not_there_is_said(project: Project, tmp_path: Path) -> None:
    """A typo in the project's name is told from a service that does not run."""
    platform = DockerEngine(config(project, tmp_path, project="no-such-project"))
    with pytest.raises(ServiceNotFound, match="`no-such-project` has no containers"):
        platform.service("live-db")


# The Docker SDK leaves its socket open where it cannot connect; the collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_does_not_answer_is_not_an_empty_one(
    project: Project, tmp_path: Path
) -> None:
    """Making the platform contacts nothing; using it says that there is no engine."""
    nowhere = f"unix://{tmp_path}/docker.sock"
    platform = DockerEngine(config(project, tmp_path, docker_host=nowhere))
    uses: list[Callable[[], object]] = [
        lambda: platform.service("live-db"),
        lambda: platform.volume_path("live_data", "live-db"),
        lambda: platform.throwaway("live-db", RUNTIME),
        platform.sweep,
    ]
    for use in uses:
        with pytest.raises(PlatformError, match="does not answer") as caught:
            use()
        assert type(caught.value) is PlatformError
    del caught
    gc.collect()


def test_the_runtime_is_the_containers_own_image(project: Project, platform: Platform) -> None:
    """Name and exact id of the image are those of the running container."""
    project.run("old-db", image=POSTGRESQL_15)
    image = project.client.images.get(POSTGRESQL_15)
    assert platform.service("old-db").runtime == Runtime(POSTGRESQL_15, str(image.id))


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


def test_a_mounted_volume_goes_before_the_engines_own(
    project: Project, platform: Platform, tmp_path: Path
) -> None:
    """Inside a container the read-only mount under `volumes_root` is what is read."""
    mounted = tmp_path / "data" / "live_data"
    mounted.mkdir(parents=True)
    assert platform.volume_path("live_data", "live-db") == mounted
    mounted.rmdir()
    engines = Path(project.client.volumes.get(f"{project.name}_live_data").attrs["Mountpoint"])
    assert platform.volume_path("live_data", "live-db") == engines


@pytest.mark.parametrize("kind", ["by project", "external", "renamed"])
def test_a_volume_is_found_however_compose_named_it(
    project: Project, platform: Platform, kind: str
) -> None:
    """By its labels whatever its name, else by the project's name, else by its own."""
    name = f"{project.name}-v{time.monotonic_ns()}"
    full_name = {"by project": f"{project.name}_{name}", "external": name, "renamed": f"x-{name}"}
    volume = project.volume(name, labelled=kind == "renamed", full_name=full_name[kind])
    assert platform.volume_path(name, "live-db") == Path(volume.attrs["Mountpoint"])


def test_two_volumes_of_one_name_are_refused(project: Project, platform: Platform) -> None:
    """Which of them holds the data is not ours to guess."""
    for full_name in (f"{project.name}-old", f"{project.name}-new"):
        project.volume("split_data", full_name=full_name)
    with pytest.raises(VolumeUnreadable, match=r"several volumes.*-new.*-old"):
        platform.volume_path("split_data", "live-db")
