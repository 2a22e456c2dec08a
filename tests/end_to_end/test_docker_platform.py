"""The Docker engine keeps the contract; and what only it can do."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound

from alt_backup_assets.errors import (
    PlatformError,
    ServiceNotFound,
    ServiceVanished,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.seam import Platform, Runtime
from tests.end_to_end.docker_fixtures import (
    POSTGRESQL_15,
    POSTGRESQL_17,
    Project,
    config,
    live_project,
    remove,
)
from tests.platform_contract import PlatformContract

pytestmark = pytest.mark.end_to_end

RUNTIME = Runtime(POSTGRESQL_17, "")


@pytest.fixture(scope="module", name="project")
def _project() -> Iterator[Project]:
    with live_project() as project:
        yield project


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


def test_a_service_without_network_has_no_address(project: Project, platform: Platform) -> None:
    """Nobody calls an interface at a place that was made up."""
    project.run("alone")
    with pytest.raises(ServiceNotFound, match=r"alone .*is on no network: set `url`"):
        assert platform.service("alone").address


def test_a_service_that_was_never_made_cannot_be_started(platform: Platform) -> None:
    """The message says what makes its container."""
    for act in (platform.is_running, platform.start, platform.stop):
        with pytest.raises(ServiceNotFound, match=r"docker compose -p .* create no-such"):
            act("no-such")


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
