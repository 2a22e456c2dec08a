"""Dagster's daemon really running: a new snapshot is drilled once, and people are told once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from alt_backup_assets.definitions.checks import SIZE_IS_PLAUSIBLE, SOURCE_IS_HEALTHY
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.ledger import open_ledger
from tests.daemon import running_daemon
from tests.dagster_home import Home, make_home, materialised
from tests.fakes.receiver import Receiver, receiving
from tests.sites import FILES, make_tokens, write_site

pytestmark = pytest.mark.end_to_end

VOLUME = "oauth_token_data"
SENSOR = "drill_new_snapshots"
WAIT_SECONDS = 600.0
"""For the daemon to start, a tick of the sensor (every 30 s), the queue and the run."""


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    """Return what takes messages and pings."""
    with receiving() as made:
        yield made


@pytest.fixture(name="home")
def _home(tmp_path: Path, restic_binary: Path, receiver: Receiver) -> Home:
    """Return a site with one volume of files, whose signals go to the receiver."""
    make_tokens(tmp_path / "tokens")
    config = write_site(
        tmp_path / "site",
        platform={"kind": "local", "name": "daemon", "volumes": {VOLUME: str(tmp_path / "tokens")}},
        volumes={VOLUME: FILES},
        restic=restic_binary,
    )
    home = make_home(tmp_path / "home", config)
    messages, verify = tmp_path / "messages", tmp_path / "verify"
    messages.write_text(receiver.url.replace("http://", "json://") + "/told")
    verify.write_text(f"{receiver.url}/verify")

    def signals(content: dict[str, Any]) -> None:
        content["signals"] = {"messages": str(messages), "pings": {"verify": str(verify)}}
        # No other check is to be evaluated while messages are counted.
        content["schedules"] = {"metrics": "0 0 1 1 *"}

    home.change(signals)
    return home


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


def _judged(instance: dg.DagsterInstance, check: str, *, passed: bool) -> None:
    """Report a check's result outside of any run, as the command line does."""
    key = dg.AssetKey(["dump", VOLUME])
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=key, check_name=check, passed=passed, metadata={})
    )


def _told(receiver: Receiver) -> list[str]:
    return [json.loads(c.body)["title"] for c in receiver.calls if c.path == "/told"]


def test_a_new_snapshot_is_drilled_and_people_are_told_exactly_once(
    home: Home, receiver: Receiver
) -> None:
    """One run for a snapshot taken outside Dagster; three messages for two failures, one mended."""
    site = home.site
    (taken,) = back_up(site, dumps=[VOLUME], snapshots=[VOLUME], day=site.today, notify=print)
    assert taken.snapshot is not None, taken.error
    snapshot = taken.snapshot.snapshot.id

    with home.instance() as instance, running_daemon(home) as daemon:
        for check in (SIZE_IS_PLAUSIBLE, SOURCE_IS_HEALTHY):
            _judged(instance, check, passed=False)
        deadline = time.monotonic() + WAIT_SECONDS

        def wait_for(ticks: int) -> None:
            """Wait until the drill has ended, people are told, and so many ticks have come."""
            while not (
                TickStatus.SUCCESS in _ticks(instance)
                and _ticks(instance).index(TickStatus.SUCCESS) >= ticks
                and all(run.is_finished for run in _drills(instance))
                and len(_told(receiver)) > 2
                and "/verify/log" in receiver.paths
            ):
                state = f"{_ticks(instance)} {_drills(instance)} {receiver.paths}"
                so_far = f"{state}\n{daemon.log.read_text()}"
                assert TickStatus.FAILURE not in _ticks(instance), so_far
                assert time.monotonic() < deadline, so_far
                time.sleep(1)

        while len(_told(receiver)) < 2:
            assert time.monotonic() < deadline, f"{_told(receiver)}\n{daemon.log.read_text()}"
            time.sleep(1)
        _judged(instance, SIZE_IS_PLAUSIBLE, passed=True)
        wait_for(ticks=2)
        (run,) = _drills(instance)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.tags["alt_backup/snapshot"] == snapshot
        assert materialised(instance, run.run_id) == {f"restore_drill/{VOLUME}"}
    about = [f"the check {c} of dump/{VOLUME}" for c in (SIZE_IS_PLAUSIBLE, SOURCE_IS_HEALTHY)]
    assert _told(receiver) == [
        *(f"[daemon] CRITICAL: {each}" for each in about),
        f"[daemon] RECOVERED: {about[0]}",
    ]
    assert [path for path in receiver.paths if path != "/told"] == ["/verify/log"]
    (proof,) = open_ledger(site).proofs(VOLUME)
    assert (proof.snapshot, proof.verdict) == (snapshot, "PROVEN")
