"""Dumps of Redis brought back: into a scripted server, and as the tree of a volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.redis import driver as redis
from alt_backup_assets.dumps.redis import files as redis_files
from alt_backup_assets.dumps.redis import save, throwaway
from alt_backup_assets.errors import DrillError
from tests.fakes.platform import Answer
from tests.fakes.site import Machine
from tests.unit.dumps.redis.test_driver import LINES, RDB, Bench

LOADING, SILENT = Answer(b"# Persistence\r\nloading:1\r\n"), Answer(exit_code=1)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for module in (save, throwaway):
        monkeypatch.setattr(module, "_POLL_SECONDS", 0.0)
    return Bench(tmp_path)


def _record(machine: Machine, dumped: Dumped) -> DumpRecord:
    changes = {
        "content": dumped.content,
        "runtime": dumped.runtime,
        "service": "redis",
        "server_version": dumped.server_version,
    }
    return machine.dump().record.model_copy(update=changes)


def test_a_rehearsal_of_the_same_data_is_equal(bench: Bench, machine: Machine) -> None:
    """Loaded as a replica of nobody, without a port, and ended."""
    record = _record(machine, bench.dump())
    assert redis.rehearse(record, bench.directory, bench.platform) == record.content
    (start,) = (call for call in bench.target.calls if call.argv[0] == "redis-server")
    assert start.argv[-3:] == ("--replicaof", "127.0.0.1", "1")
    assert start.argv[start.argv.index("--port") + 1] == "0"
    assert bench.target.calls[-1].argv[-2:] == ("SHUTDOWN", "NOSAVE")


def test_a_rehearsal_of_other_data_is_not(bench: Bench, machine: Machine) -> None:
    """An entry fewer is named."""
    record = _record(machine, bench.dump())
    bench.target.replies["EVAL_RO"] = [LINES.replace("6a 3 aa", "6a 2 ab").rstrip()]
    again = redis.rehearse(record, bench.directory, bench.platform)
    assert isinstance(record.content, Inventory)
    assert record.content.differences(again) == ("db0 stream 'j' has 2 entries, 3 were recorded",)


def test_a_server_that_refuses_the_file(bench: Bench, machine: Machine) -> None:
    """Why it gave up is in the message, in its own words."""
    record = _record(machine, bench.dump())
    bench.target.script("redis-cli", "INFO", answers=(SILENT,))
    log = b"1:S 24 Nov # Short read, aborting now.\n1:S 24 Nov # Unexpected EOF reading RDB file\n"
    bench.target.script("tail", answers=(Answer(stdout=log),))
    with pytest.raises(DrillError, match="did not load the dump: Short read, aborting now"):
        redis.rehearse(record, bench.directory, bench.platform)
    assert bench.platform.open_targets == 0


class _Clock:
    """A time that passes by sleeping only, five seconds each."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return it."""
        return self.now

    def sleep(self, _seconds: float) -> None:
        """Let it pass."""
        self.now += 5.0


def test_a_server_that_loads_for_long_is_waited_for(
    bench: Bench, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One before 7.0.3 answers INFO while it loads, and refuses the mark behind it."""
    monkeypatch.setattr(throwaway, "time", clock := _Clock())
    record = _record(machine, bench.dump())
    bench.target.cut = "INFO"
    ready = Answer(b"loading:0\r\n", effect=lambda _call: setattr(bench.target, "cut", ""))
    bench.target.script("redis-cli", "INFO", answers=(*[LOADING] * 9, ready))
    assert redis.rehearse(record, bench.directory, bench.platform) == record.content
    assert clock.now == 45.0


def test_a_server_that_falls_silent_has_failed(
    bench: Bench, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty seconds after its last answer, in the last words of its log."""
    monkeypatch.setattr(throwaway, "time", clock := _Clock())
    record = _record(machine, bench.dump())
    bench.target.script("redis-cli", "INFO", answers=(SILENT, *[LOADING] * 9, SILENT))
    bench.target.script("tail", answers=(Answer(b"1:S 24 Nov # Loading\n"),))
    with pytest.raises(DrillError, match="did not load the dump: Loading"):
        redis.rehearse(record, bench.directory, bench.platform)
    assert clock.now == 45.0 + 25.0


@pytest.mark.parametrize(
    ("appendonly", "version", "found"),
    [
        ("no", "7.0.15", ["dump.rdb"]),
        ("yes", "7.0.15", ["adir/a.aof.1.base.rdb", "adir/a.aof.manifest", "dump.rdb"]),
        ("yes", "6.2.1", ["a.aof", "dump.rdb"]),
    ],
)
def test_the_tree_of_a_volume(
    bench: Bench, machine: Machine, appendonly: str, version: str, found: list[str]
) -> None:
    """A server with an append-only file finds one that begins with the same data."""
    bench.place.config["appendonly"] = appendonly
    record = _record(machine, replace(bench.dump(), server_version=version))
    for _ in range(2):
        tree = redis_files.lay_out(record, bench.directory)
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    assert [str(path.relative_to(tree)) for path in files] == found
    assert {path.read_bytes() for path in files if path.suffix != ".manifest"} == {RDB}
