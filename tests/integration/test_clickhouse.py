"""ClickHouse from the running server to the proof, over the real engine and repository."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alt_backup_assets.dumps.clickhouse import live
from alt_backup_assets.dumps.clickhouse.backup import CONFIG
from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.record import read_record
from alt_backup_assets.errors import RestoreRefused
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.tools.clickhouse import Server
from alt_backup_assets.tools.http import HttpService
from alt_backup_assets.verification.drill import drill, newest_target
from tests.planting import cut_to_a_third, plant, restored
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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
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
    argv = [sys.executable, str(double), "serve", str(port), str(tmp_path / "db"), str(config)]
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
    """A database goes beside the live one once; `default` is refused with what to do."""
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
        fixed = Inventory(unit="rows", items=(Item(name="database default", count=0),))
        own = record.model_copy(update={"content": fixed})
        with pytest.raises(RestoreRefused, match="default cannot be set aside"):
            live.load(Loading(volume, own, files, service))
    assert bench.server.ask("SELECT toString(count()) AS n FROM aside.odd") == [{"n": "1000"}]


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
