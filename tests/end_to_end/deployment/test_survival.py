"""The stack beside everything that dies: it converges, says what failed, and leaves nothing.

On an engine of its own, since that is restarted too. What is killed is killed with -9 while a
backup runs, from outside: `docker kill` would be somebody's wish, and these die as under a machine
that has no memory left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tests.end_to_end.deployment import bench
from tests.end_to_end.deployment.asking import finished, launch, retried, said
from tests.end_to_end.deployment.bench import RUN, Deployment, as_json, deployment, eventually
from tests.end_to_end.deployment.disturbing import (
    filled,
    held,
    require_all_good,
    small_disk,
)
from tests.end_to_end.docker_fixtures import POSTGRESQL_15, POSTGRESQL_17
from tests.end_to_end.empty_engine import HERE, Engine, engine_apart
from tests.ports import free_port
from tests.sshd import SftpServer, sftp_server

pytestmark = [
    pytest.mark.end_to_end,
    # Each waits for several runs and their drills, the first for the whole stack too.
    pytest.mark.timeout(1800),
]

_LAUNCH_AND_SHOW = ("ui", "ui-admin", "ui-proxy", "metrics", "daemon", "code")
SERVICES = (*_LAUNCH_AND_SHOW, "storage", "docker-proxy")
_SLOW_SECONDS = 50
"""Longer than a daemon needs to see that a run has died."""


@dataclass(frozen=True)
class Machine:
    """The stack and what is under it.

    Attributes:
        deployed: The stack.
        engine: The engine it runs on.
    """

    deployed: Deployment
    engine: Engine

    @property
    def repository(self) -> Path:
        """The local repository, on a small disk of its own."""
        return self.deployed.directory / "repository"


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return the stack, once the first backup came by itself and all of it was proven."""
    directory = tmp_path_factory.mktemp("survival")
    images = (bench.IMAGE, bench.REDIS, POSTGRESQL_15, POSTGRESQL_17)
    with (
        TemporaryDirectory(prefix="ab-") as room,
        small_disk(directory / "repository", "64m"),
        engine_apart(Path(room), images) as engine,
        pytest.MonkeyPatch.context() as meant,
    ):
        for name, value in engine.environment.items():
            meant.setenv(name, value)
        # Every snapshot is drilled in a container of its own: two volumes tell as much as all.
        volumes = ("db_data_17", "redis-streams-data")
        with deployment(directory, *volumes, daily=bench.NEVER) as deployed:
            first = launch(deployed)
            assert finished(deployed, first) == "SUCCESS", deployed.said(first)
            assert deployed.inside("offsite")[0] == 0
            require_all_good(deployed)
            yield Machine(deployed, engine)


@pytest.fixture(name="deployed")
def _deployed(machine: Machine) -> Deployment:
    return machine.deployed


def require_restarted(deployed: Deployment, *services: str) -> None:
    """Require that services that were killed run again."""

    def restarted(service: str) -> bool:
        state = deployed.container(service).attrs
        return bool(state["RestartCount"] > 0 and state["State"]["Running"])

    eventually(lambda: all(map(restarted, services)), f"{services} are restarted")


def require_next_run_converges(deployed: Deployment) -> None:
    """Require that a backup after the trouble succeeds, is proven, and that nothing is left."""
    again = launch(deployed)
    assert finished(deployed, again) == "SUCCESS", deployed.said(again)
    require_all_good(deployed)


def _lock_of(deployed: Deployment, container: str) -> str | None:
    """Return the lock a container holds in the repository."""
    locks = deployed.directory / "repository" / "locks"
    restic = ("restic", "--no-cache", "--no-lock", "-r", str(locks.parent), "--password-file")
    password = str(deployed.config.parent / "secrets/restic_password")
    for lock in locks.iterdir():
        code, content = deployed.run("code", *restic, password, "cat", "lock", lock.name)
        if code == 0 and json.loads(content)["hostname"] == container[:12]:
            return lock.name
    return None


def test_a_killed_run_is_seen_and_taken_up_again(deployed: Deployment) -> None:
    """Its failure stays visible; the retry does what is missing, over the dead run's lock."""
    locks = deployed.directory / "repository" / "locks"
    with held(deployed) as run:
        (container,) = deployed.client.containers.list(
            filters={"label": [f"{RUN}={deployed.name}", f"dagster/run_id={run}"]}
        )
        container.exec_run(
            ["sh", "-c", "sleep 600 | restic backup --stdin --quiet"],
            environment={
                "RESTIC_REPOSITORY": str(locks.parent),
                "RESTIC_PASSWORD_FILE": str(deployed.config.parent / "secrets/restic_password"),
                "RESTIC_CACHE_DIR": "/tmp/cache",  # noqa: S108 -- in the container
            },
            detach=True,
        )
        lock = eventually(lambda: _lock_of(deployed, str(container.id)), "restic takes its lock")
        deployed.kill(container)
        assert (locks / lock).exists()
    assert finished(deployed, run) == "FAILURE"
    assert "Container status is exited" in said(deployed, run)
    retry = retried(deployed, run)
    assert finished(deployed, retry) == "SUCCESS", deployed.said(retry)
    assert not (locks / lock).exists()
    require_all_good(deployed)


def test_a_run_needs_none_of_those_that_launched_it(deployed: Deployment) -> None:
    """All that shows and all that launches is killed under it, and comes back."""
    with held(deployed) as run:
        for service in _LAUNCH_AND_SHOW:
            deployed.kill(deployed.container(service))
        require_restarted(deployed, *_LAUNCH_AND_SHOW)
    assert finished(deployed, run) == "SUCCESS", deployed.said(run)


def test_a_run_survives_dagsters_storage(deployed: Deployment) -> None:
    """The storage comes back with what it had; the run, or the one after it, converges."""
    with held(deployed) as run:
        deployed.kill(deployed.container("storage"))
        require_restarted(deployed, "storage")
    assert finished(deployed, run) in {"SUCCESS", "FAILURE"}
    require_all_good(deployed)


def test_without_the_proxy_the_volume_fails_and_the_next_run_makes_up_for_it(
    deployed: Deployment,
) -> None:
    """The dump that ran through it is no dump, and the run is red and names the volume."""
    with held(deployed) as run:
        deployed.kill(deployed.container("docker-proxy"))
        assert finished(deployed, run) == "FAILURE", deployed.said(run)
    assert "\ndb_data_17: " in said(deployed, run)
    require_next_run_converges(deployed)


def test_a_full_disk_is_said_and_harms_nothing(machine: Machine) -> None:
    """Room for a lock and not for a pack: red, with the volume's name; without any: CRITICAL."""
    deployed = machine.deployed
    deployed.db.sql(
        "CREATE TABLE picture AS SELECT i AS id, gen_random_uuid() AS bytes"
        " FROM generate_series(1, 50000) AS i"
    )
    with filled(machine.repository, but_bytes=256 << 10):
        run = launch(deployed)
        assert finished(deployed, run) == "FAILURE"
        message = said(deployed, run)
        assert "\ndb_data_17: " in message
        assert "that disk is full: make room on it" in message
    with filled(machine.repository, but_bytes=0) as fill:
        for _ in range(3):
            fill()  # once more: the sensor's lock may have gone, which leaves room for one
            code, status = as_json(deployed.inside("status", "--json"))
            if code == 2:
                break
        assert (code, status["verdict"]) == (2, "CRITICAL")
        assert "that disk is full: make room on it" in status["reasons"][0]
    require_next_run_converges(deployed)
    assert deployed.inside("check")[0] == 0


def _reachable(deployed: Deployment) -> float:
    """Return what Prometheus is told of the offsite repository."""
    _, report = as_json(deployed.inside("metrics", "--json"))
    (metric,) = [m for m in report["metrics"] if m["name"] == "backup_offsite_reachable"]
    (sample,) = metric["samples"]
    return float(sample["value"])


@contextmanager
def _offsite_at(deployed: Deployment, server: SftpServer) -> Iterator[None]:
    """Have the offsite repository on another host, as the operator's next edit would."""
    before = deployed.config.read_text()
    content = yaml.safe_load(before)
    content["repositories"]["offsite"] |= {
        "url": server.url(deployed.directory / "elsewhere"),
        "sftp": server.sftp.model_dump(mode="json"),
    }
    deployed.config.write_text(yaml.safe_dump(content))
    try:
        yield
    finally:
        deployed.config.write_text(before)


def test_an_offsite_host_that_is_gone_is_said_and_made_up_for(deployed: Deployment) -> None:
    """By the status, by a metric and by the run, which says what to do; then the copies follow."""
    keys = deployed.config.parent / "elsewhere"  # mounted with the configuration
    keys.mkdir()
    port = free_port()
    with ExitStack() as edited:
        with sftp_server(keys, host=HERE, port=port) as server:
            edited.enter_context(_offsite_at(deployed, server))
            first = launch(deployed, "offsite_copy")
            assert finished(deployed, first) == "SUCCESS", deployed.said(first)
            assert deployed.inside("status")[0] == 0
        code, status = as_json(deployed.inside("status", "--json"))
        assert (code, status["verdict"]) == (2, "CRITICAL")
        (reason,) = [r for r in status["reasons"] if "the offsite repository cannot be read" in r]
        assert "check that the host is up" in reason
        assert _reachable(deployed) == 0
        run = launch(deployed, "offsite_copy")
        assert finished(deployed, run) == "FAILURE"
        message = said(deployed, run)
        assert "the offsite repository does not open" in message
        assert "check that the host is up" in message
        with sftp_server(keys, host=HERE, port=port):
            assert deployed.inside("offsite")[0] == 0
            assert deployed.inside("status")[0] == 0
            assert _reachable(deployed) == 1
    require_all_good(deployed)


def test_the_engine_is_restarted(machine: Machine) -> None:
    """The run fails with it and is taken up again by itself; every service came back."""
    deployed = machine.deployed
    with held(deployed) as run:
        machine.engine.stop()
        machine.engine.start()
    assert finished(deployed, run) == "FAILURE"
    retry = retried(deployed, run)
    assert finished(deployed, retry) == "SUCCESS", deployed.said(retry)
    require_all_good(deployed)
    assert {s: deployed.container(s).status for s in SERVICES} == dict.fromkeys(SERVICES, "running")


def test_a_run_is_taken_up_again_by_a_daemon_that_was_there_before_the_code(
    deployed: Deployment,
) -> None:
    """As after a start of the machine, where nobody waits for anybody."""
    daemon, code = deployed.container("daemon"), deployed.container("code")
    with held(deployed) as run:
        daemon.stop()
        code.stop()
        for container in deployed.runs():
            if container.status == "running":
                deployed.kill(container)
        daemon.start()
        time.sleep(_SLOW_SECONDS)
        code.start()
    assert finished(deployed, run) == "FAILURE"
    assert finished(deployed, retried(deployed, run)) == "SUCCESS"
    require_all_good(deployed)


def test_removing_the_stack_loses_no_backup(deployed: Deployment) -> None:
    """What was proven is proven in the new one, and its next backup is as any other."""
    require_all_good(deployed)
    before = deployed.site.local.snapshots()
    deployed.stack("down", "-v", "--remove-orphans")
    assert deployed.runs() == []
    deployed.stack("up", "-d")
    # Before the next backup: its retention keeps one an hour.
    assert deployed.site.local.snapshots() == before
    assert as_json(deployed.inside("status", "--json"))[1]["posture"]["unproven"] == 0
    require_next_run_converges(deployed)
    assert deployed.inside("status")[0] == 0
