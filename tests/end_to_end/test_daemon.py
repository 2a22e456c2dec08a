"""Dagster's daemon really running: a snapshot appears, and is drilled exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.ledger import open_ledger
from tests.dagster_home import MODULE, Home, make_home, materialised
from tests.sites import FILES, make_tokens, write_site

pytestmark = pytest.mark.end_to_end

VOLUME = "oauth_token_data"
SENSOR = "drill_new_snapshots"
WAIT_SECONDS = 300.0
"""For the daemon to start, a tick of the sensor (every 30 s), the queue and the run."""


@pytest.fixture(name="home")
def _home(tmp_path: Path, restic_binary: Path) -> Home:
    """Return a site with one volume of files."""
    make_tokens(tmp_path / "tokens")
    config = write_site(
        tmp_path / "site",
        platform={"kind": "local", "name": "daemon", "volumes": {VOLUME: str(tmp_path / "tokens")}},
        volumes={VOLUME: FILES},
        restic=restic_binary,
    )
    return make_home(tmp_path / "home", config)


@contextmanager
def _daemon(home: Home) -> Iterator[Path]:
    """Run the daemon with its code server; both are gone afterwards. Yields its log."""
    log = home.directory / "daemon.log"
    with log.open("wb") as stream:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-m", MODULE],
            cwd=home.directory,
            env=home.environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        _end(daemon)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    """End the daemon's whole process group: code servers outlive it otherwise."""
    daemon.terminate()
    try:
        daemon.wait(timeout=15)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait(timeout=15)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)


def _ticks(instance: dg.DagsterInstance) -> list[TickStatus]:
    """Return how the sensor's ticks ended, newest first."""
    states = [s for s in instance.all_instigator_state() if s.instigator_name == SENSOR]
    return [
        tick.status
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
        if tick.status != TickStatus.STARTED
    ]


def _drills(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(job_name="restore_drill")))


def test_a_new_snapshot_is_drilled_exactly_once(home: Home) -> None:
    """The sensor launches one run for a snapshot taken outside Dagster, and never another."""
    site = home.site
    (taken,) = back_up(site, dumps=[VOLUME], snapshots=[VOLUME], day=site.today, notify=print)
    assert taken.snapshot is not None, taken.error
    snapshot = taken.snapshot.snapshot.id

    with _daemon(home) as log, home.instance() as instance:
        deadline = time.monotonic() + WAIT_SECONDS

        def wait_for(ticks: int) -> None:
            """Wait until the drill has ended and so many ticks have come after it."""
            while not (
                TickStatus.SUCCESS in _ticks(instance)
                and _ticks(instance).index(TickStatus.SUCCESS) >= ticks
                and all(run.is_finished for run in _drills(instance))
            ):
                so_far = f"{_ticks(instance)} {_drills(instance)}\n{log.read_text()}"
                assert TickStatus.FAILURE not in _ticks(instance), so_far
                assert time.monotonic() < deadline, so_far
                time.sleep(1)

        wait_for(ticks=2)
        (run,) = _drills(instance)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.tags["alt_backup/snapshot"] == snapshot
        assert materialised(instance, run.run_id) == {f"restore_drill/{VOLUME}"}
    (proof,) = open_ledger(site).proofs(VOLUME)
    assert (proof.snapshot, proof.verdict) == (snapshot, "PROVEN")
