"""Everything of the stack killed with -9 while a backup runs: it converges, and says what failed.

`docker kill` would be somebody's wish; these die as under a machine that has no memory left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.deployment.asking import finished, launch, said, tagged
from tests.end_to_end.deployment.bench import RUN, Deployment, eventually
from tests.sites import leftovers

pytestmark = pytest.mark.end_to_end

_HOLD = "BEGIN; LOCK TABLE article IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)"
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_RELEASE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
)


@contextmanager
def held(deployed: Deployment) -> Iterator[str]:
    """Have a backup under way that waits for a table of the main database; give its run's id."""
    db = deployed.db
    argv = ["psql", "-X", "-U", db.user, "-d", db.database, "-c", _HOLD]
    db.container.exec_run(argv, detach=True)
    try:
        run = eventually(lambda: launch(deployed), "the UI takes a job")
        eventually(lambda: db.sql(_WAITING) != "0", "the backup waits for the table")
        yield run
    finally:
        db.sql(_RELEASE)


def restarted(deployed: Deployment, service: str) -> bool:
    """Tell whether a service that was killed runs again."""
    state = deployed.container(service).attrs
    return bool(state["RestartCount"] > 0 and state["State"]["Running"])


def require_all_good(deployed: Deployment) -> None:
    """Require that everything is there again: proven by the sensor, nothing left behind."""
    eventually(lambda: deployed.outside("status")[0] == 0, "status is GOOD again")
    # A sensor's look at the repository is a lock as well, for a moment.
    eventually(lambda: leftovers(deployed.site) == [], "nothing is left behind")


def test_a_killed_run_is_seen_and_taken_up_again(deployed: Deployment) -> None:
    """Its failure stays visible; the retry does what is missing, over the dead run's lock."""
    repository = deployed.directory / "repository"
    with held(deployed) as run:
        (container,) = deployed.client.containers.list(
            filters={"label": [f"{RUN}={deployed.name}", f"dagster/run_id={run}"]}
        )
        before = set(_locks(repository))
        container.exec_run(
            ["sh", "-c", "sleep 600 | restic backup --stdin --quiet"],
            environment={
                "RESTIC_REPOSITORY": str(repository),
                "RESTIC_PASSWORD_FILE": str(deployed.config.parent / "secrets/restic_password"),
                "RESTIC_CACHE_DIR": "/tmp/cache",  # noqa: S108 -- in the container
            },
            detach=True,
        )
        (lock,) = eventually(lambda: set(_locks(repository)) - before, "restic takes its lock")
        deployed.kill(container)
        assert lock in _locks(repository)
    assert finished(deployed, run) == "FAILURE"
    assert "Container status is exited" in said(deployed, run)
    retry = eventually(lambda: tagged(deployed, "dagster/parent_run_id", run), "the run is retried")
    assert finished(deployed, retry) == "SUCCESS", deployed.said(retry)
    assert lock not in _locks(repository)
    require_all_good(deployed)


def test_the_ui_is_not_needed(deployed: Deployment) -> None:
    """It comes back by itself, with the proxy in front of it."""
    for service in ("ui", "ui-admin", "ui-proxy"):
        deployed.kill(deployed.container(service))
    for service in ("ui", "ui-admin", "ui-proxy"):
        eventually(lambda: restarted(deployed, service), f"{service} is restarted")  # noqa: B023


def test_a_run_does_not_need_those_that_launched_it(deployed: Deployment) -> None:
    """Daemon and code server are killed under it, come back, and have its snapshots drilled."""
    with held(deployed) as run:
        for service in ("daemon", "code"):
            deployed.kill(deployed.container(service))
        for service in ("daemon", "code"):
            eventually(lambda: restarted(deployed, service), f"{service} is restarted")  # noqa: B023
    assert finished(deployed, run) == "SUCCESS", deployed.said(run)
    require_all_good(deployed)


def test_without_the_proxy_the_volume_fails_and_the_next_run_makes_up_for_it(
    deployed: Deployment,
) -> None:
    """The dump that ran through it is no dump, and the run is red and names the volume."""
    with held(deployed) as run:
        deployed.kill(deployed.container("docker-proxy"))
        assert finished(deployed, run) == "FAILURE", deployed.said(run)
    assert "db_data_17" in said(deployed, run)
    again = eventually(lambda: launch(deployed), "the UI takes a job")
    assert finished(deployed, again) == "SUCCESS", deployed.said(again)
    require_all_good(deployed)


def test_a_run_survives_dagsters_storage(deployed: Deployment) -> None:
    """The storage comes back with what it had; the run, or the one after it, converges."""
    with held(deployed) as run:
        deployed.kill(deployed.container("storage"))
        eventually(lambda: restarted(deployed, "storage"), "the storage is restarted")
    ended = finished(deployed, run)
    again = eventually(lambda: launch(deployed), "the UI takes a job")
    assert finished(deployed, again) == "SUCCESS", (ended, deployed.said(again))
    require_all_good(deployed)


def _locks(repository: Path) -> list[str]:
    return [lock.name for lock in (repository / "locks").iterdir()]


def test_removing_the_stack_loses_no_backup(deployed: Deployment) -> None:
    """What was proven is proven in the new one, and its next backup is as any other."""
    require_all_good(deployed)
    before = {s.id for s in deployed.site.local.snapshots()}
    deployed.stack("down", "-v", "--remove-orphans")
    assert deployed.runs() == []
    assert deployed.outside("status")[0] == 0
    deployed.stack("up", "-d", "--scale", "metrics=0")
    run = eventually(lambda: launch(deployed), "the new stack takes a job")
    assert finished(deployed, run) == "SUCCESS", deployed.said(run)
    assert before <= {s.id for s in deployed.site.local.snapshots()}
    eventually(lambda: deployed.inside("status")[0] == 0, "status is GOOD inside the new stack")
