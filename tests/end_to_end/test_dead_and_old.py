"""What a person sees when the daemon, the code location or the exporter is dead, or the data old.

One machine whose real daemon backs up, drills and pings by its schedules, told as one story: the
daemon is killed, comes back over a registry that does not load, and over one that does. In every
case of ``CASES`` the answer of ``alt-backup status``, the alerts of the shipped rules over what
was exported last, and the state of the daily job's check at the ping service are what stands
there. Time passes by making the snapshots older, the exported times too, and by asking the ping
service later. That a real Prometheus fires for the same, is in
``tests/integration/test_signals_in_prometheus.py``.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from alt_backup_assets.signals.rule import GENERATED
from alt_backup_assets.verification.ledger import open_ledger
from tests.daemon import Daemon, running_daemon
from tests.dagster_home import Home, make_home
from tests.doubles.healthchecks import PingedCheck, State
from tests.end_to_end.exported import require_alerts, scraped
from tests.fakes.receiver import receiving
from tests.sites import FILES, alt_backup, make_tokens, write_site

pytestmark = pytest.mark.end_to_end

VOLUME = "oauth_token_data"
WAIT_SECONDS = 900.0
HOUR = timedelta(hours=1)
_STARTED_BY = 25
"""Seconds after which the daemon may not be up for the next minute any more."""

DEAD = frozenset({"backup-signal-missing"})
LATE = frozenset({"backup-missing-restic", "backup-recovery-point-warn"})
LOST = LATE | {"backup-recovery-point-fail"}

Exported = Literal["left", "fresh", "gone"]


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, at one time.

    Attributes:
        what: It.
        hours: How much time has passed, so that the data is so much older.
        exit_code: Of ``alt-backup status``.
        alerts: That fire.
        ping: State of the daily job's check; None where the case says nothing of the jobs.
        exported: What Prometheus has: what the daemon's last job left behind, what a living
            exporter says, or nothing.
    """

    what: str
    hours: int
    exit_code: int
    alerts: frozenset[str]
    ping: State | None
    exported: Exported


WELL = Case("all is well", 2, 0, frozenset(), "up", "left")
KILLED = (
    WELL,
    Case("the daemon was killed", 4, 0, DEAD, "up", "left"),
    Case("the exporter is gone", 1, 0, DEAD, None, "gone"),
    Case("the data is old", 26, 1, LATE, None, "fresh"),
    Case("the daemon was killed", 26, 1, DEAD | LATE, "down", "left"),
    Case("the data is old", 51, 2, LOST, None, "fresh"),
    Case("the daemon was killed", 51, 2, DEAD | LOST, "down", "left"),
)
BROKEN = (
    Case("the code location is broken", 4, 64, DEAD, "up", "left"),
    Case("the code location is broken", 26, 64, DEAD | LATE, "down", "left"),
)


@dataclass(frozen=True)
class Taken:
    """A snapshot, and the repository's file of it."""

    snapshot: str
    content: bytes


@dataclass
class Machine:
    """The machine of the story.

    Attributes:
        home: Its configuration and its Dagster instance.
        restic: The program.
        daily: The check of the daily job.
        textfile: What Prometheus reads.
    """

    home: Home
    restic: Path
    daily: PingedCheck
    textfile: Path

    @property
    def registry(self) -> Path:
        """The file of the registry."""
        return Path(yaml.safe_load(self.home.config.read_text())["registry"])

    def break_registry(self) -> None:
        """Name an engine there is not."""
        content = yaml.safe_load(self.registry.read_text())
        content["volumes"][VOLUME]["engine"] = "filez"
        self.registry.write_text(yaml.safe_dump(content))

    def mend_registry(self) -> None:
        """Name the right one again."""
        self.registry.write_text(yaml.safe_dump({"volumes": {VOLUME: dict(FILES)}}))

    def keep_proven(self) -> Taken:
        """Return the snapshot that was proven last, with its file."""
        proven = open_ledger(self.home.site).proofs(VOLUME)[-1].snapshot
        return Taken(proven, (self._snapshots / proven).read_bytes())

    def make_older(self, taken: Taken, age: timedelta) -> None:
        """Let a snapshot be the only one of the volume, and of another time.

        It stays what was proven: restic names the snapshot it was made from.
        """
        site = self.home.site
        for held in site.local.snapshots(tag=VOLUME):
            (self._snapshots / held.id).unlink()
        (self._snapshots / taken.snapshot).write_bytes(taken.content)
        taken_at = datetime.now(UTC) - age
        argv = [str(self.restic), "--repo", site.local.url]
        argv += ["--password-file", str(site.config.repositories.local.password_file)]
        argv += ["rewrite", "--forget", "--new-time", f"{taken_at:%Y-%m-%d %H:%M:%S}"]
        subprocess.run(
            [*argv, taken.snapshot],
            env={**os.environ, "TZ": "UTC"},
            check=True,
            capture_output=True,
            timeout=120,
        )

    @property
    def _snapshots(self) -> Path:
        return Path(self.home.site.local.url) / "snapshots"


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, restic_binary: Path) -> Iterator[Machine]:
    """Return a machine whose jobs run every minute, and whose daily job has a check."""
    make_tokens(tmp_path / "tokens")
    config = write_site(
        tmp_path / "site",
        platform={"kind": "local", "name": "story", "volumes": {VOLUME: str(tmp_path / "tokens")}},
        volumes={VOLUME: FILES},
        restic=restic_binary,
    )
    home = make_home(tmp_path / "home", config)
    textfile, address = tmp_path / "backup.prom", tmp_path / "daily"
    with receiving() as receiver:
        # As an operator sets it up for a daily job.
        check = PingedCheck("/daily", period=24 * HOUR, grace=HOUR)
        receiver.answer = check.take
        address.write_text(f"{receiver.url}/daily")

        def own(content: dict[str, Any]) -> None:
            content["schedules"] = _soon()
            content["signals"] = {
                "pings": {"daily": str(address)},
                "metrics": {"textfile": str(textfile)},
            }

        home.change(own)
        yield Machine(home, restic_binary, check, textfile)


def _soon() -> dict[str, str]:
    """Let the daily job run once the daemon is up, then the metrics twice, and so again.

    What was begun is over before the daily job begins again, so that there is a quiet moment.
    """
    now = datetime.now(UTC)
    first = now.minute + (1 if now.second < _STARTED_BY else 2)
    minutes = [[(first + more + third) % 60 for more in range(0, 60, 3)] for third in range(3)]
    daily, metrics = minutes[0], minutes[1] + minutes[2]
    return {
        name: f"{','.join(map(str, sorted(each)))} * * * *"
        for name, each in (("daily", daily), ("metrics", metrics))
    }


def _wait(condition: Callable[[], bool], daemon: Daemon, machine: Machine) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        so_far = f"{machine.daily.pings}\n{_exported(machine)}\n{daemon.log.read_text()[-9000:]}"
        assert time.monotonic() < deadline, so_far
        time.sleep(0.2)


def _is_well(machine: Machine, since: datetime) -> bool:
    """Tell whether all is known to be well by what the jobs told since."""
    told, exported = machine.daily.succeeded_at, _exported(machine)
    return (
        told is not None
        and told > since
        and machine.daily.started_at is None
        and exported.get(GENERATED, 0) > since.timestamp()
        and exported.get("backup_status_verdict") == 0
    )


def _under_way(home: Home) -> int:
    with home.instance() as instance:
        return sum(not run.is_finished for run in instance.get_runs())


def _exported(machine: Machine) -> dict[str, float]:
    if not machine.textfile.exists():
        return {}
    samples = scraped(machine.textfile.read_text())
    return {name.partition("{")[0]: value for name, value in samples.items()}


def _require(machine: Machine, room: Path, case: Case) -> str:
    """Require all that a person sees in a case; returns what ``alt-backup status`` said."""
    config = machine.home.config
    said = alt_backup(config, "status", "--json")
    assert said.returncode == case.exit_code, f"{case}: {said.stdout}{said.stderr}"
    exported = ""
    if case.exported == "left":
        exported = machine.textfile.read_text()
    elif case.exported == "fresh":
        exported = alt_backup(config, "metrics").stdout
    # Rules wait for a while; and a living exporter says itself how old the data is.
    minutes = 30 + 60 * (1 if case.exported == "fresh" else case.hours)
    require_alerts(room, exported, minutes, case.alerts)
    if case.ping is not None:
        assert machine.daily.state(timedelta(hours=case.hours)) == case.ping, case
    return said.stdout + said.stderr


def _runs(home: Home) -> int:
    with home.instance() as instance:
        return instance.get_runs_count()


@pytest.mark.timeout(2400)  # a job begins with a minute, and a sensor looks twice in one
def test_each_is_seen_for_what_it_is_and_all_is_well_again(
    machine: Machine, tmp_path: Path
) -> None:
    """Each with its own signal and its own exit code, and green once it is mended."""
    home = machine.home
    begun = datetime.now(UTC)
    with running_daemon(home) as daemon:
        _wait(lambda: _is_well(machine, begun) and not _under_way(home), daemon, machine)
        daemon.kill()
    runs, told = _runs(home), list(machine.daily.pings)
    taken = machine.keep_proven()
    for case in KILLED:
        machine.make_older(taken, timedelta(hours=case.hours))
        _require(machine, tmp_path, case)

    machine.break_registry()
    with running_daemon(home) as daemon:
        complaint = f"{machine.registry}: field `volumes.{VOLUME}.engine` must be one of"
        _wait(lambda: complaint in daemon.log.read_text(), daemon, machine)
        for case in BROKEN:
            assert complaint in _require(machine, tmp_path, case)
        assert (_runs(home), machine.daily.pings) == (runs, told)

        mended = datetime.now(UTC)
        machine.mend_registry()
        every_minute = dict.fromkeys(("daily", "metrics"), "* * * * *")
        home.change(lambda content: content.update(schedules=every_minute))
        _wait(lambda: _is_well(machine, mended), daemon, machine)
        daemon.kill()
    _require(machine, tmp_path, WELL)
