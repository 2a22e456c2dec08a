"""ClickHouse from the running server to the proof, over the real engine and repository."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from alt_backup_assets.dumps.clickhouse import backup, live
from alt_backup_assets.dumps.clickhouse.backup import CONFIG
from alt_backup_assets.dumps.clickhouse.faults import PART_DROPPED
from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.record import read_record
from alt_backup_assets.errors import RestoreFailed, RestoreRefused, ServiceVanished
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.tools.clickhouse import Row, Server
from alt_backup_assets.tools.http import HttpService
from alt_backup_assets.verification.drill import drill, newest_target
from alt_backup_assets.verification.self_test.repository import PACK_BYTE_FLIPPED, WRONG_KEY
from alt_backup_assets.verification.self_test.run import self_test
from tests.planting import cut_to_a_third, plant, restored
from tests.ports import free_port
from tests.sites import ROOT, make_template, write_site

pytestmark = pytest.mark.integration

VOLUME = "clickhouse_data"
KEY = "key-of-seconds"
SEED = (
    "CREATE DATABASE alt ENGINE = Atomic",
    (
        "CREATE TABLE alt.odd (k Int64, n Nullable(Int32), l LowCardinality(String),"
        " a Array(UInt8), m Map(String, UInt8), d Decimal(18, 4), f Float64, day Date)"
        " ENGINE = MergeTree ORDER BY k"
    ),
    (
        "INSERT INTO alt.odd SELECT number, number % 3 ? number : NULL, toString(number % 5),"
        " [1, 2], map('a', 1), 1.5, nan, '2026-01-01' FROM numbers(1000)"
    ),
    "CREATE TABLE alt.empty (k Int64) ENGINE = MergeTree ORDER BY k",
    "CREATE VIEW alt.seen AS SELECT count() AS n FROM alt.odd",
)


@dataclass(frozen=True)
class Bench:
    """A running server and a site that backs it up."""

    server: Server
    site: Site
    backups: Path
    key: Path


@pytest.fixture(name="bench", params=[CONFIG])
def _bench(tmp_path: Path, restic_binary: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    port = free_port()
    backups, config, programs = (tmp_path / each for each in ("backups", "c.xml", "bin"))
    backups.mkdir()
    programs.mkdir()
    config.write_text(str(request.param).format(path=f"{backups}/"))
    double = ROOT / "tests" / "doubles" / "clickhouse.py"
    script = programs / "clickhouse"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {double} "$@"\n')
    script.chmod(0o755)
    make_template(tmp_path / "template", restic_binary)
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    url = f"http://127.0.0.1:{port}"
    entry = {"service": "ch", "engine": "clickhouse", "category": "metrics", "url": url}
    site = write_site(
        tmp_path / "site",
        platform={"kind": "local", "name": "m", "services": {"ch": {"bin": [str(programs)]}}},
        volumes={VOLUME: {**entry, "user": "u", "databases": ["alt"], "password_file": str(key)}},
        restic=restic_binary,
        template=tmp_path / "template",
    )
    server = Server(HttpService("ch", url, {"X-ClickHouse-Key": KEY}), 60)
    argv = [
        sys.executable,
        str(double),
        "serve",
        f"127.0.0.1:{port}",
        str(tmp_path / "db"),
        str(config),
    ]
    process = subprocess.Popen([*argv, KEY])
    try:
        _wait(port)
        for query in SEED:
            server.ask(query)
        yield Bench(server, open_site(site), backups, key)
    finally:
        process.kill()
        process.wait(timeout=20)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def backed_up(bench: Bench) -> str | None:
    """Back up and return what went wrong."""
    site, names = bench.site, (VOLUME,)
    (done,) = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
    return str(done.error) if done.error else None


def test_proven_and_put_back(bench: Bench) -> None:
    """A backup is proven, leaves nothing in the service, and is loaded again, twice."""
    assert backed_up(bench) is None
    assert list(bench.backups.iterdir()) == []
    target = newest_target(bench.site, VOLUME)
    proof = drill(bench.site, target)
    assert proof is not None
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    bench.server.ask("DROP DATABASE alt SYNC")
    volume = bench.site.registry.volume(VOLUME)
    service = bench.site.platform.service("ch")
    with restored(bench.site, target) as files:
        record = read_record(files)
        for _ in range(2):
            content = live.load(Loading(volume, record, files, service))
            assert isinstance(record.content, Inventory)
            assert record.content.differences(content) == ()
    assert bench.server.ask("SELECT toString(n) AS n FROM alt.seen") == [{"n": "1000"}]


def test_a_cut_archive(bench: Bench) -> None:
    """An archive that is cut fails its drill."""
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    with restored(bench.site, target) as files:
        cut = plant(
            bench.site,
            target,
            files,
            lambda copy: cut_to_a_third(copy / "alt.tar.gz"),
            hashes=False,
        )
    proof = drill(bench.site, cut)
    assert proof is not None
    assert proof.verdict == "FAILED"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM alt.odd WHERE k = 7", "table alt.odd has 999 rows, 1000 were recorded"),
        (
            "ALTER TABLE alt.odd UPDATE f = 1.25 WHERE k = 7 SETTINGS mutations_sync = 2",
            "table alt.odd has other content in its 1000 rows",
        ),
        ("DROP TABLE alt.empty SYNC", "table alt.empty is missing"),
    ],
    ids=["row gone", "row changed", "table gone"],
)
def test_an_archive_of_other_data(bench: Bench, change: str, said: str) -> None:
    """An archive that opens well and holds something else fails its drill, which says what."""
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    bench.server.ask(change)
    assert backed_up(bench) is None
    other = newest_target(bench.site, VOLUME)
    with restored(bench.site, target) as files, restored(bench.site, other) as changed:
        archive = (changed / "alt.tar.gz").read_bytes()
        swapped = plant(
            bench.site,
            target,
            files,
            lambda copy: (copy / "alt.tar.gz").write_bytes(archive),
            hashes=True,
        )
    proof = drill(bench.site, swapped)
    assert proof is not None
    assert proof.verdict == "FAILED"
    assert said in proof.differences


def test_another_database_and_what_cannot_be_replaced(bench: Bench) -> None:
    """A database goes beside the live one once; one that cannot be renamed is refused."""
    assert backed_up(bench) is None
    service = bench.site.platform.service("ch")
    volume = bench.site.registry.volume(VOLUME)
    with restored(bench.site, newest_target(bench.site, VOLUME)) as files:
        record = read_record(files)
        aside = Loading(volume, record, files, service, into="aside")
        content = live.load(aside)
        assert isinstance(record.content, Inventory)
        assert record.content.differences(content) == ()
        with pytest.raises(RestoreRefused, match="aside is there already"):
            live.load(aside)
        assert bench.server.ask("SELECT toString(count()) AS n FROM aside.odd") == [{"n": "1000"}]
        bench.server.ask("DROP DATABASE aside SYNC")
        bench.server.ask("CREATE DATABASE aside ENGINE = Memory")
        memory = Inventory(unit="rows", items=(Item(name="database aside", count=0),))
        own = record.model_copy(update={"content": memory})
        with pytest.raises(RestoreRefused, match="aside has the engine Memory and cannot be set"):
            live.load(Loading(volume, own, files, service))
    assert databases_of(bench) == {"alt", "aside"}


DEFAULT = (
    "DROP DATABASE default SYNC",  # chdb's own is of a kind that no server has
    "CREATE DATABASE default ENGINE = Atomic",
    "CREATE TABLE default.hits (k Int64, v Int64) ENGINE = MergeTree ORDER BY k",
    (
        "CREATE MATERIALIZED VIEW default.sums ENGINE = AggregatingMergeTree ORDER BY k"
        " AS SELECT k % 10 AS k, sumState(v) AS s, uniqState(v) AS u FROM default.hits GROUP BY k"
    ),
    "CREATE TABLE default.copies (k Int64) ENGINE = MergeTree ORDER BY k",
    "CREATE MATERIALIZED VIEW default.copy TO default.copies AS SELECT k FROM default.hits",
    "INSERT INTO default.hits SELECT number, number * 2 FROM numbers(500)",
    "INSERT INTO default.hits SELECT number, number * 3 FROM numbers(500)",
)


def test_several_databases_and_default_in_place(bench: Bench) -> None:
    """Two databases of one volume, states of aggregates, and `default` itself come back."""
    for query in DEFAULT:
        bench.server.ask(query)
    volume = bench.site.registry.volume(VOLUME)
    volume = volume.model_copy(update={"databases": ("alt", "default")})
    registry = bench.site.registry.model_copy(update={"volumes": (volume,)})
    bench = replace(bench, site=replace(bench.site, registry=registry))
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    proof = drill(bench.site, target)
    assert proof is not None
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    bench.server.ask("INSERT INTO default.hits VALUES (7, 7)")
    bench.server.ask("TRUNCATE TABLE alt.odd SYNC")
    service = bench.site.platform.service("ch")
    with restored(bench.site, target) as files:
        record = read_record(files)
        content = live.load(Loading(volume, record, files, service))
    assert isinstance(record.content, Inventory)
    assert {"table default.hits", "table default.rows of sums", "table alt.odd"} <= {
        item.name for item in record.content.items
    }
    assert record.content.differences(content) == ()
    assert bench.server.ask("SELECT toString(sumMerge(s)) AS n FROM default.sums") == [
        {"n": "623750"}
    ]
    bench.server.ask("INSERT INTO default.hits VALUES (7, 7)")  # the views are fed again
    assert bench.server.ask("SELECT toString(count()) AS n FROM default.copies") == [{"n": "1001"}]
    assert databases_of(bench) == {"alt", "default"}


@dataclass(frozen=True)
class Dying(Server):
    """A connection that breaks behind so many statements that change something."""

    left: list[None] = field(default_factory=list)

    def ask(self, query: str) -> list[Row]:
        """Send a query; the first that is too many arrives, but not its answer."""
        found = super().ask(query)
        if not query.startswith("SELECT"):
            if not self.left:
                raise ServiceVanished("the connection broke")
            self.left.pop()
        return found


def test_a_crash_behind_each_statement(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a restore breaks, the old data is somewhere, and a rerun brings the new."""
    assert backed_up(bench) is None
    volume = bench.site.registry.volume(VOLUME)
    service = bench.site.platform.service("ch")
    with restored(bench.site, newest_target(bench.site, VOLUME)) as files:
        loading = Loading(volume, read_record(files), files, service)
        assert isinstance(loading.record.content, Inventory)
        broken = 0
        while breaks(bench, monkeypatch, loading, behind=broken):
            require_old_or_new(bench)
            content = live.load(loading)
            assert loading.record.content.differences(content) == ()
            assert databases_of(bench) == {"alt"}
            broken += 1
    assert broken == 6


def breaks(bench: Bench, monkeypatch: pytest.MonkeyPatch, loading: Loading, *, behind: int) -> bool:
    """Restore over a connection that breaks; tell whether it did before the end."""
    bench.server.ask("INSERT INTO alt.empty VALUES (1)")  # marks the old data
    dying = Dying(bench.server.http, bench.server.timeout_seconds, [None] * behind)
    with monkeypatch.context() as patch:
        patch.setattr(backup, "server", lambda _volume, _service: dying)
        try:
            live.load(loading)
        except (ServiceVanished, RestoreFailed):
            return True
    return False


def require_old_or_new(bench: Bench) -> None:
    """Require the marked data under the old name or its own, or all of the new."""
    there = databases_of(bench)
    aside = "alt__alt_backup_old"
    (row,) = bench.server.ask(
        f"SELECT toString(count()) AS n FROM {aside if aside in there else 'alt'}.empty"
    )
    if aside in there or row["n"] != "0":
        assert row["n"] == "1"
    else:
        assert bench.server.ask("SELECT toString(n) AS n FROM alt.seen") == [{"n": "1000"}]


def databases_of(bench: Bench) -> set[str]:
    """Return the databases that are not the engine's own."""
    rows = bench.server.ask("SELECT name FROM system.databases WHERE engine != 'Overlay'")
    own = {"system", "INFORMATION_SCHEMA", "information_schema"}
    return {str(row["name"]) for row in rows} - own


def test_a_wrong_password(bench: Bench) -> None:
    """ClickHouse's refusal is said, without the password."""
    bench.key.write_text("never-mind\n")
    said = str(backed_up(bench))
    assert "Authentication failed" in said
    assert "never-mind" not in said


@pytest.mark.parametrize("bench", ["<clickhouse></clickhouse>"], indirect=True)
def test_no_disk_for_backups(bench: Bench) -> None:
    """A server without a disk for backups is not backed up, and the message has what to add."""
    assert "<allowed_disk>backups</allowed_disk>" in str(backed_up(bench))


def test_a_planted_fault_is_named(bench: Bench) -> None:
    """Of two tables the smaller loses a part: red, and in these words; the control is proven."""
    bench.server.ask("CREATE TABLE alt.few (k Int64) ENGINE = MergeTree ORDER BY k")
    for count in (7, 3):
        bench.server.ask(f"INSERT INTO alt.few SELECT number FROM numbers({count})")
    assert backed_up(bench) is None
    result = self_test(bench.site, notify=str)
    assert result.reasons == ()
    found = {f.fault: (f.detected, f.message) for f in result.faults if f.volume}
    assert found.pop(PART_DROPPED) == (True, "table alt.few has 7 rows, 10 were recorded")
    assert {name: detected for name, (detected, _) in found.items()} == {
        PACK_BYTE_FLIPPED: True,
        WRONG_KEY: True,
    }
    assert [(c.engine, c.proven) for c in result.controls] == [("clickhouse", True)]
    assert list(bench.backups.iterdir()) == []
