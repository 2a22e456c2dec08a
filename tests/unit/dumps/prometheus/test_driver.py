"""Dumps of a scripted Prometheus: what goes wrong with it must never look like a dump."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.prometheus import driver, throwaway
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import (
    AltBackupError,
    DrillError,
    DumpFailed,
    ServiceVanished,
    ToolFailed,
    ToolTimeout,
)
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.http import HttpService
from tests.fakes.platform import RUNTIME, Answer, Call, FakePlace, FakePlatform
from tests.fakes.site import Machine

VOLUME = Volume(name="metrics", service="prometheus", engine="prometheus", category="metrics")
NAME = "20261124T090457Z-71f68d3736003f50"
OLD, NEW = "01M86CT6CBYV0YXBYKY99E47XA", "01M86CT6CBYV0YXBYKY99E47XB"
SNAPSHOT = "/api/v1/admin/tsdb/snapshot"
FLAGS = "/api/v1/status/flags"
CONFIG = "/api/v1/status/config"
LISTED = """\
BLOCK ULID                  MIN TIME  MAX TIME  DURATION  NUM SAMPLES  NUM CHUNKS  NUM SERIES  SIZE
01M86CT6CBYV0YXBYKY99E47XA  1000      2000      1s        30           3           3           46880
01M86CT6CBYV0YXBYKY99E47XB  2000      3000      1s        8            2           2           46880
"""


def write_block(
    directory: Path, ulid: str, times: tuple[int, int], series: int, samples: int, **more: int
) -> None:
    """Write what looks like a block."""
    (directory / ulid / "chunks").mkdir(parents=True)
    (directory / ulid / "chunks" / "000001").write_bytes(ulid.encode())
    (directory / ulid / "index").write_bytes(b"index")
    stats = {"numSamples": samples, "numSeries": series, "numChunks": series, **more}
    meta = {"ulid": ulid, "minTime": times[0], "maxTime": times[1], "stats": stats, "version": 1}
    (directory / ulid / "meta.json").write_text(json.dumps(meta))


@dataclass
class Bench:
    """A scripted server with a volume, and an empty directory for its dump."""

    source: Path
    directory: Path
    platform: FakePlatform = field(default_factory=FakePlatform)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    make: Callable[[Path], object] = lambda _snapshot: None

    def dump(self) -> Dumped:
        """Take the dump."""
        return driver.dump(VOLUME, self.platform, self.directory)

    def answer(self, http: HttpService, method: str, path: str, timeout_seconds: float) -> object:
        """Answer as Prometheus does."""
        self.asked.append((method, f"{http.url}{path}"))
        assert timeout_seconds == VOLUME.timeout_minutes * 60
        said = self.answers[path]
        if isinstance(said, AltBackupError):
            raise said
        if path == SNAPSHOT:
            (self.snapshots / NAME).mkdir(parents=True)
            self.make(self.snapshots / NAME)
        return said

    @property
    def snapshots(self) -> Path:
        """Where the server writes them."""
        return self.source / "snapshots"

    @property
    def service(self) -> FakePlace:
        """The service."""
        return self.platform.services["prometheus"]

    def remove(self, call: Call) -> None:
        """Remove what is inside the service at the path that ``rm`` was given."""
        shutil.rmtree(self.here(call))

    def mark(self, call: Call) -> None:
        """Make the file that ``touch`` was given."""
        self.here(call).touch()

    def here(self, call: Call) -> Path:
        """Return the path on this machine of a command's last word."""
        return self.source / Path(call.argv[-1]).relative_to("/prometheus")


def _blocks(snapshot: Path) -> None:
    write_block(snapshot, OLD, (1000, 2000), 3, 30)
    write_block(snapshot, NEW, (2000, 3000), 2, 8)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path / "volume", tmp_path / "dump", make=_blocks)
    for made in (bench.source, bench.directory):
        made.mkdir()
    bench.platform.volumes["metrics"] = bench.source
    bench.platform.add("prometheus")
    bench.service.script("touch", answers=(Answer(effect=bench.mark),))
    bench.service.script("rm", "-rf", answers=(Answer(effect=bench.remove),))
    bench.answers = {
        "/api/v1/status/buildinfo": {"status": "success", "data": {"version": "2.42.0"}},
        CONFIG: {"status": "success", "data": {"yaml": "global:\n  scrape_interval: 1s\n"}},
        FLAGS: {"status": "success", "data": {"storage.tsdb.path": "/prometheus"}},
        SNAPSHOT: {"status": "success", "data": {"name": NAME}},
    }

    def answer(http: HttpService, method: str, path: str, *, timeout_seconds: float) -> object:
        return bench.answer(http, method, path, timeout_seconds)

    monkeypatch.setattr(HttpService, "json", answer)
    monkeypatch.setattr(throwaway, "_POLL_SECONDS", 0.0)
    return bench


def test_a_dump_is_the_snapshot(bench: Bench) -> None:
    """Its blocks with their numbers; the snapshot is removed from the service."""
    dumped = bench.dump()
    assert (bench.directory / "files" / OLD / "index").read_bytes() == b"index"
    assert isinstance(dumped.content, Inventory)
    assert {item.name: (item.count, item.at_most) for item in dumped.content.items} == {
        f"samples of block {OLD}": (30, None),
        f"samples of block {NEW}": (8, None),
        f"series in the time of block {OLD}": (3, None),
        f"series in the time of block {NEW}": (2, None),
    }
    assert (dumped.server_version, dumped.runtime, dumped.warnings) == ("2.42.0", RUNTIME, ())
    assert ("POST", f"http://127.0.0.1:9090{SNAPSHOT}") in bench.asked
    assert list(bench.snapshots.iterdir()) == []
    assert not list((bench.directory / "files").glob(".*"))
    assert {artifact.path for artifact in dumped.artifacts} >= {f"files/{NEW}/chunks/000001"}


@pytest.mark.parametrize(
    ("times", "more", "found"),
    [
        ((1500, 2500), {}, [(3, 5), (2, 5)]),
        ((2000, 3000), {"numTombstones": 1}, [(3, None), (0, 2)]),
    ],
    ids=["in the same time", "deleted series"],
)
def test_what_the_server_may_answer(
    bench: Bench,
    times: tuple[int, int],
    more: dict[str, int],
    found: list[tuple[int, int | None]],
) -> None:
    """Blocks in one time answer for each other; deleted series may not answer."""

    def make(snapshot: Path) -> None:
        write_block(snapshot, OLD, (1000, 2000), 3, 30)
        write_block(snapshot, NEW, times, 2, 8, **more)

    bench.make = make
    content = bench.dump().content
    assert isinstance(content, Inventory)
    items = [item for item in content.items if item.name.startswith("series")]
    assert [(item.count, item.at_most) for item in items] == found


def test_only_what_a_killed_run_left_is_removed(bench: Bench) -> None:
    """Our mark is in it; what an operator made stays."""
    for name in ("theirs", "ours"):
        (bench.snapshots / name).mkdir(parents=True)
    (bench.snapshots / "ours" / ".alt-backup").touch()
    bench.dump()
    assert [path.name for path in bench.snapshots.iterdir()] == ["theirs"]


def test_a_snapshot_that_stays_is_told(bench: Bench) -> None:
    """The dump is good; that the snapshot keeps old blocks on the disk is said."""
    for words in (("touch",), ("rm", "-rf")):
        bench.service.script(*words, answers=(Answer(missing=True),))
    (said,) = bench.dump().warnings
    assert f"The snapshot /prometheus/snapshots/{NAME} could not be removed" in said


@pytest.mark.parametrize(
    ("window", "warned"), [("1h", True), ("0s", False), ("null", False), ("[", False)]
)
def test_late_samples_that_no_snapshot_has_are_told(
    bench: Bench, window: str, warned: bool
) -> None:
    """A server that takes samples out of order keeps them out of its snapshots for a while."""
    config = f"storage:\n  tsdb:\n    out_of_order_time_window: {window}\n"
    bench.answers[CONFIG] = {"data": {"yaml": config}}
    warnings = bench.dump().warnings
    assert [f"out_of_order_time_window is {window}" in said for said in warnings] == [True] * warned


def test_a_snapshot_of_a_dump_that_failed_is_removed_too(bench: Bench) -> None:
    """Whatever went wrong in between."""
    bench.make = lambda snapshot: (snapshot / "no-block").mkdir()
    with pytest.raises(DumpFailed, match=r"no-block is no whole block: its meta\.json"):
        bench.dump()
    assert list(bench.snapshots.iterdir()) == []


def _says(path: str, said: object) -> Callable[[Bench], object]:
    return lambda bench: bench.answers.update({path: said})


def _snapshot_of(make: Callable[[Path], object]) -> Callable[[Bench], object]:
    return lambda bench: setattr(bench, "make", make)


def _other_name(snapshot: Path) -> None:
    write_block(snapshot, OLD, (1000, 2000), 3, 30)
    (snapshot / OLD).rename(snapshot / NEW)


def _cut_meta(snapshot: Path) -> None:
    _blocks(snapshot)
    (snapshot / OLD / "meta.json").write_text("{")


def _elsewhere(bench: Bench) -> None:
    bench.platform.volumes["metrics"] = bench.directory


DISABLED = ToolFailed("was answered with 500: admin APIs disabled", 500)
FAILURES: dict[str, tuple[Callable[[Bench], object], type[AltBackupError], str]] = {
    "disabled": (_says(SNAPSHOT, DISABLED), DumpFailed, "start it with --web.enable-admin-api"),
    "refused": (_says(SNAPSHOT, ToolFailed("disk full", 500)), ToolFailed, "disk full"),
    "too slow": (_says(SNAPSHOT, ToolTimeout("not answered")), ToolTimeout, "not answered"),
    "vanished": (_says(SNAPSHOT, ServiceVanished("gone")), ServiceVanished, "gone"),
    "no data": (_says(SNAPSHOT, {"status": "success"}), ToolFailed, "was answered with"),
    "no object": (_says(SNAPSHOT, [1]), ToolFailed, "was answered with"),
    "no name": (_says(SNAPSHOT, {"data": {}}), ToolFailed, "name of its snapshot"),
    "evil name": (_says(SNAPSHOT, {"data": {"name": "../wal"}}), ToolFailed, "name of its"),
    "no path": (_says(FLAGS, {"data": {}}), ToolFailed, r"storage\.tsdb\.path"),
    "no block": (_snapshot_of(lambda _: None), DumpFailed, "holds no sample"),
    "no samples": (
        _snapshot_of(lambda where: write_block(where, OLD, (1, 2), 0, 0)),
        DumpFailed,
        "an empty volume never replaces",
    ),
    "cut meta": (
        _snapshot_of(_cut_meta),
        DumpFailed,
        "is no whole block",
    ),
    "other name": (_snapshot_of(_other_name), DumpFailed, f"meta.json is of {OLD}"),
    "another volume": (_elsewhere, DumpFailed, "is this its volume, mounted where it keeps"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_goes_wrong_is_a_failure(bench: Bench, name: str) -> None:
    """Each way a snapshot can go wrong is an error that says what to do."""
    prepare, kind, said = FAILURES[name]
    prepare(bench)
    with pytest.raises(kind, match=said):
        bench.dump()


@dataclass
class Rehearsal:
    """A dump that came back, and the scripted target it is opened in."""

    bench: Bench
    record: DumpRecord

    @property
    def target(self) -> FakePlace:
        """The throw-away target."""
        return self.bench.platform.target

    def run(self) -> Inventory:
        """Rehearse."""
        found = driver.rehearse(self.record, self.bench.directory, self.bench.platform)
        assert self.bench.platform.open_targets == 0
        return found


@pytest.fixture(name="rehearsal")
def _rehearsal(bench: Bench, machine: Machine) -> Iterator[Rehearsal]:
    dumped = bench.dump()
    changes = {
        "content": dumped.content,
        "runtime": dumped.runtime,
        "service": "prometheus",
        "server_version": dumped.server_version,
    }
    rehearsal = Rehearsal(bench, machine.dump().record.model_copy(update=changes))
    target = rehearsal.target
    for program in ("mkdir", "ln", "tee"):
        target.script(program)
    target.script("promtool", "tsdb", "list", answers=(Answer(stdout=LISTED.encode()),))
    target.script("promtool", "tsdb", "analyze", answers=(Answer(stdout=b"Block ID\n"),))
    target.script("prometheus", answers=(Answer(reply=lambda _: b""),))
    not_ready = Answer(exit_code=1, stderr="Service Unavailable")
    target.script("promtool", "query", "instant", answers=(not_ready, Answer()))
    times = {
        "1970-01-01T00:00:01.000Z": b"{a}\n{b}\n{c}\n",
        "1970-01-01T00:00:02.000Z": b"{a}\n{b}\n",
    }
    for start, lines in times.items():
        target.script("promtool", "query", "series", start, answers=(Answer(stdout=lines),))
    yield rehearsal
    shutil.rmtree(bench.directory)


def test_a_rehearsal_of_the_same_data_is_equal(rehearsal: Rehearsal) -> None:
    """Every chunk is read, and a server that deletes nothing is started on the blocks."""
    assert rehearsal.run() == rehearsal.record.content
    argvs = [call.argv for call in rehearsal.target.calls]
    assert [argv[-1] for argv in argvs if "analyze" in argv] == [OLD, NEW]
    (start,) = (argv for argv in argvs if argv[0] == "prometheus")
    assert "--storage.tsdb.retention.time=100y" in start
    assert any(word.startswith("--web.listen-address=127.0.0.1:") for word in start)
    ends = [argv[argv.index("--end") + 1] for argv in argvs if "series" in argv]
    assert ends == ["1970-01-01T00:00:01.999Z", "1970-01-01T00:00:02.999Z"]


CHANGES: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "a sample": (
        ("promtool", "tsdb", "list"),
        LISTED.replace(" 30 ", " 29 ").encode(),
        f"samples of block {OLD} has 29 entries, 30 were recorded",
    ),
    "a block": (
        ("promtool", "tsdb", "list"),
        "\n".join(LISTED.splitlines()[:2]).encode(),
        f"samples of block {NEW} is missing",
    ),
    "a series": (
        ("promtool", "query", "series", "1970-01-01T00:00:02.000Z"),
        b"{a}\n",
        f"series in the time of block {NEW} has 1 entries, 2 were recorded",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_rehearsal_of_other_data_is_not(rehearsal: Rehearsal, name: str) -> None:
    """One sample, series or block fewer is named."""
    words, said, expected = CHANGES[name]
    rehearsal.target.script(*words, answers=(Answer(stdout=said),))
    assert isinstance(rehearsal.record.content, Inventory)
    assert rehearsal.record.content.differences(rehearsal.run()) == (expected,)


def test_other_bytes_in_a_block(rehearsal: Rehearsal) -> None:
    """They differ although all numbers are the same."""
    (rehearsal.bench.directory / "files" / OLD / "chunks" / "000001").write_bytes(b"other")
    assert isinstance(rehearsal.record.content, Inventory)
    (said,) = rehearsal.record.content.differences(rehearsal.run())
    assert said == f"samples of block {OLD} has other content in its 30 entries"


REFUSALS: dict[str, tuple[tuple[str, ...], Answer, type[AltBackupError], str]] = {
    "list": (
        ("promtool", "tsdb", "list"),
        Answer(exit_code=1, stderr="corrupted"),
        ToolFailed,
        "corr",
    ),
    "cut list": (
        ("promtool", "tsdb", "list"),
        Answer(stdout=b"BLOCK ULID\nx y"),
        DrillError,
        "lists",
    ),
    "no list": (("promtool", "tsdb", "list"), Answer(), DrillError, "lists the blocks with ''"),
    "chunk": (
        ("promtool", "tsdb", "analyze"),
        Answer(stdout=b"x", exit_code=1, stderr="checksum mismatch"),
        ToolFailed,
        "checksum mismatch",
    ),
    "slow": (("promtool", "tsdb", "analyze"), Answer(too_slow=True), ToolTimeout, "in time"),
    "server": (
        ("prometheus",),
        Answer(exit_code=1, stderr="opening storage failed"),
        ToolFailed,
        "opening",
    ),
    "vanished": (("promtool", "query", "series"), Answer(vanish=True), ServiceVanished, "stopped"),
    "no program": (("mkdir",), Answer(missing=True), AltBackupError, "cannot start mkdir"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_target_refuses(rehearsal: Rehearsal, name: str) -> None:
    """Its own words are said, and the target is gone."""
    words, answer, kind, said = REFUSALS[name]
    if "series" in words:
        words = (*words, "--start", "1970-01-01T00:00:01.000Z", "--end")
    rehearsal.target.script(*words, answers=(answer,))
    with pytest.raises(kind, match=said):
        rehearsal.run()


def test_a_server_that_never_gets_ready(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up after its time."""
    monkeypatch.setattr(throwaway, "_START_SECONDS", 0.05)
    rehearsal.target.script("promtool", "query", "instant", answers=(Answer(exit_code=1),))
    with pytest.raises(DrillError, match="did not get ready"):
        rehearsal.run()


def test_a_record_of_another_engine(bench: Bench, machine: Machine) -> None:
    """It is refused before anything is made."""
    with pytest.raises(DrillError, match="not of a Prometheus dump"):
        driver.rehearse(machine.dump().record, bench.directory, bench.platform)
    assert bench.platform.thrown == []
