"""kill -9 in the middle of a dump, a snapshot and a drill, on any platform; then a rerun.

The kill is real: ``alt-backup`` in a process of its own, killed at a moment when the stage is
provably under way. ``tests/end_to_end/test_killed.py`` holds the Docker engine to these
sentences, ``tests/integration/test_pipeline_local.py`` this machine. Keep out: what only one of
the two has.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import yaml

from alt_backup_assets.dumps.record import artifact_differences
from alt_backup_assets.dumps.take import store
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.status.read import read_status
from tests.sites import alt_backup, leftovers, started

_MOMENT_SECONDS = 180
_STARTS = 3
_SLOW_KIB = 300


@dataclass(frozen=True)
class Machine:
    """A site with one PostgreSQL volume that nothing was done to yet.

    Attributes:
        config: Its configuration.
        slow: The same with a limit on what restic writes, so that a snapshot takes seconds.
        volume: The volume.
        restores: Whether a server runs in one of its throw-away targets.
        thrown: The throw-away targets there are, by any name.
        connections: How many connections of ours the live server has.
    """

    config: Path
    slow: Path
    volume: str
    restores: Callable[[], bool]
    thrown: Callable[[], list[str]]
    connections: Callable[[], int]

    @property
    def site(self) -> Site:
        """The site, opened afresh."""
        return open_site(self.config)


class KilledContract:
    """The sentences; a subclass gives the fixture ``machine``.

    Attributes:
        exclusive: A verb that wants the repository for itself, where a dead restic's lock is.
    """

    exclusive: ClassVar[str]

    def test_killed_in_a_dump(self, machine: Machine) -> None:
        """Half a dump is no dump; the rerun takes a good one and removes the half."""
        dumps = machine.site.state / "dumps" / machine.volume
        with killed(machine.config, "backup", when=lambda: _grows(dumps)):
            assert [path.name[:10] for path in dumps.iterdir()] == [".incoming-"]
        assert store(machine.site).dumps(machine.volume) == ()
        assert_converges(machine)

    def test_killed_in_a_snapshot(self, machine: Machine) -> None:
        """The lock of a dead restic stops neither what wants to be alone nor the next snapshot."""
        repository = Path(machine.site.local.url)
        with killed(machine.slow, "backup", when=lambda: saves(repository)):
            assert list((repository / "locks").iterdir())
            assert list((machine.site.state / "staging").iterdir())
        assert machine.site.local.snapshots() == ()
        assert_converges(machine, first=(self.exclusive, "backup"))

    def test_killed_in_a_drill(self, machine: Machine) -> None:
        """The throw-away server of a dead drill is swept, and the rerun proves the snapshot."""
        assert_succeeds(machine.config, "backup")
        with killed(machine.config, "drill", when=machine.restores):
            assert machine.thrown()
        assert_converges(machine, first=())


def assert_converges(machine: Machine, *, first: tuple[str, ...] = ("backup",)) -> None:
    """Run verbs and then a drill; fail unless all is well and nothing of the dead run is left."""
    for verb in (*first, "drill"):
        assert_succeeds(machine.config, verb)
    site = machine.site
    for dump in store(site).dumps(machine.volume):
        assert artifact_differences(dump.record, dump.directory) == ()
    status = read_status(site)
    assert (status.verdict, status.reasons) == ("GOOD", ())
    (volume,) = status.volumes
    assert volume.proven_snapshot == volume.latest_snapshot
    assert leftovers(site) == []
    assert machine.thrown() == []
    assert machine.connections() == 0


def assert_succeeds(config: Path, verb: str) -> None:
    """Run a verb to its end."""
    done = alt_backup(config, verb)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def killed(
    config: Path, verb: str, *, when: Callable[[], bool], spare_restic: bool = False
) -> Iterator[tuple[int, ...]]:
    """Start a verb, kill it at a moment, and go on with what it left.

    A verb that succeeds before the moment was seen is started again.

    Args:
        config: The configuration.
        verb: What to run.
        when: Tells that the moment has come.
        spare_restic: Let its restic live on; otherwise all of it dies, as with a container.

    Yields:
        The processes of its restic.
    """
    for _ in range(_STARTS):
        with started(config, verb) as process:
            try:
                _await(when, process)
                children = tuple(restic_of(process.pid))
            finally:
                process.kill()
            for child in () if spare_restic else children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            said = process.communicate(timeout=30)
        if process.returncode != 0:
            break
    assert process.returncode == -signal.SIGKILL, said
    yield children


def _await(when: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _MOMENT_SECONDS
    while not when() and process.poll() is None:
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.002)


def slowed(config: Path) -> Path:
    """Write the same configuration with a limit on what restic writes, and return its path."""
    slow = config.with_name("slow.yaml")
    values = yaml.safe_load(config.read_text())
    values["repositories"]["local"]["limit_upload_kib"] = _SLOW_KIB
    slow.write_text(yaml.safe_dump(values))
    return slow


def restic_of(parent: int) -> Iterator[int]:
    """Find the restic processes a process has started."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            found = re.match(r"(\d+) \(restic\) \S (\d+) ", status.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if found and int(found[2]) == parent:
            yield int(found[1])


def _grows(dumps: Path) -> bool:
    return any(path.stat().st_size > 0 for path in dumps.glob(".incoming-*/*.dump"))


def saves(repository: Path) -> bool:
    """Tell whether a restic is in the middle of saving data."""
    # A pack behind the lock: it is in the middle of the data. (`snapshots` locks too.)
    return any(repository.glob("locks/*")) and any(repository.glob("data/*/*"))
