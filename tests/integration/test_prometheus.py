"""Prometheus on this machine, from the running server to the proof, with a real repository."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.prometheus import blocks
from alt_backup_assets.dumps.record import RECORD_NAME, read_record
from alt_backup_assets.dumps.tree import TREE, artifacts, read_tree
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.drill import Target, drill, newest_target
from tests.planting import plant, restored
from tests.ports import free_port
from tests.programs import program
from tests.sites import alt_backup, leftovers, make_template, write_site

pytestmark = pytest.mark.integration

VOLUME = "prometheus_data"
_SECONDS = 20.0
_HOUR = 3600


@dataclass(frozen=True)
class Server:
    """A running Prometheus on loopback."""

    data: Path
    url: str

    def series(self) -> list[str]:
        """Return every series it has, but its own that change all the time."""
        argv = [str(program("promtool")), "query", "series", "--match", '{job="seed"}']
        start = ["--start", str(int(time.time()) - 24 * _HOUR)]
        done = subprocess.run([*argv, *start, self.url], capture_output=True, text=True, check=True)
        return sorted(done.stdout.splitlines())


@contextmanager
def running(room: Path, data: Path, *options: str) -> Iterator[Server]:
    """Run a Prometheus that scrapes itself, and end it."""
    address = f"127.0.0.1:{free_port()}"
    config = room / f"{address}.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: itself\n"
        f"    static_configs: [{{targets: ['{address}']}}]\n"
    )
    argv = [str(program("prometheus")), f"--config.file={config}", f"--storage.tsdb.path={data}"]
    with (room / f"{address}.log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, f"--web.listen-address={address}", *options], stderr=log, cwd=room
        )
    try:
        _wait(f"http://{address}")
        yield Server(data, f"http://{address}")
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


def _wait(url: str) -> None:
    argv = [str(program("promtool")), "query", "instant", url, "up"]
    deadline = time.monotonic() + _SECONDS
    while b"up{" not in subprocess.run(argv, capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def seed(room: Path, data: Path) -> None:
    """Write two blocks of some hours ago."""
    moments = [int(time.time()) - hours * _HOUR for hours in (4, 6)]
    lines = [
        f'seeded{{job="seed",instance="{i}"}} {i} {moment}\n'
        for i in range(100)
        for moment in moments
    ]
    text = room / "seed.txt"
    text.write_text("# TYPE seeded gauge\n" + "".join(lines) + "# EOF\n")
    argv = [
        str(program("promtool")),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(text),
        str(data),
    ]
    subprocess.run(argv, capture_output=True, check=True)


@pytest.fixture(name="room", scope="module")
def _room() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ab-") as directory:
        yield Path(directory)


@pytest.fixture(name="server", scope="module")
def _server(room: Path) -> Iterator[Server]:
    (room / "data").mkdir()
    seed(room, room / "data")
    with running(room, room / "data", "--web.enable-admin-api") as server:
        yield server


def _site_of(room: Path, server: Server, restic: Path, name: str) -> Path:
    service = {"running": ["/bin/false"], "start": ["/bin/true"], "stop": ["/bin/true"]}
    return write_site(
        room / name,
        platform={
            "kind": "local",
            "name": "this-machine",
            "services": {"prometheus": service},
            "volumes": {VOLUME: str(server.data)},
        },
        volumes={
            VOLUME: {
                "service": "prometheus",
                "engine": "prometheus",
                "category": "metrics",
                "url": server.url,
            }
        },
        restic=restic,
        scratch=room / f"{name}-scratch",
        template=room / "template",
    )


@pytest.fixture(name="config", scope="module")
def _config(room: Path, server: Server, restic_binary: Path) -> Path:
    make_template(room / "template", restic_binary)
    return _site_of(room, server, restic_binary, "site")


@pytest.fixture(name="site", scope="module")
def _site(config: Path) -> Site:
    return open_site(config)


@pytest.fixture(name="target", scope="module")
def _target(site: Site) -> Target:
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert done.error is None
    return newest_target(site, VOLUME)


@pytest.fixture(name="sound", scope="module")
def _sound(site: Site, target: Target) -> Iterator[Path]:
    with restored(site, target) as files:
        yield files


def failure(site: Site, target: Target) -> str:
    """Drill a snapshot that is damaged, and return what is said of it."""
    proof = drill(site, target)
    assert proof is not None
    assert proof.verdict == "FAILED"
    assert leftovers(site) == []
    return "\n".join(proof.differences)


def test_proven_and_the_snapshot_is_gone(
    site: Site, server: Server, target: Target, sound: Path
) -> None:
    """Old blocks and what was in memory are proved; the service keeps no snapshot of ours."""
    proof = drill(site, target)
    assert proof is not None
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    assert list((server.data / "snapshots").iterdir()) == []
    content = read_record(sound).content
    assert isinstance(content, Inventory)
    found = blocks.read(sound / TREE)
    assert len(found) == 3
    assert sum(block.stats.num_samples for block in found) > 200
    assert [block.stats.num_series for block in found[:2]] == [100, 100]
    assert {item.at_most for item in content.items} == {None}


def test_what_an_operator_made_stays_and_what_a_killed_run_left_does_not(
    site: Site, server: Server, target: Target
) -> None:
    """A snapshot with our mark is of a run that was killed: the next removes it."""
    ours, theirs = (server.data / "snapshots" / name for name in ("20200101-a", "20200101-b"))
    for made in (ours, theirs):
        made.mkdir()
    (ours / ".alt-backup").touch()
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(), day=site.today, notify=str)
    assert done.error is None
    assert list((server.data / "snapshots").iterdir()) == [theirs]
    theirs.rmdir()


def test_a_lost_block(site: Site, target: Target, sound: Path) -> None:
    """It is missed by name, though the record agrees with the files."""
    lost = blocks.read(sound / TREE)[0].ulid

    def remove(copy: Path) -> None:
        shutil.rmtree(copy / TREE / lost)
        _agree(copy)

    said = failure(site, plant(site, target, sound, remove, hashes=False))
    assert f"samples of block {lost} is missing" in said


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda block: _flip(block / "chunks" / "000001", 600), "checksum mismatch"),
        (lambda block: _flip(block / "index", -20), "checksum"),
        (lambda block: (block / "chunks" / "000001").unlink(), "promtool exited with 1"),
    ],
    ids=["a chunk", "the index", "no chunks"],
)
def test_a_damaged_block(
    site: Site, target: Target, sound: Path, damage: Callable[[Path], object], said: str
) -> None:
    """Prometheus itself finds it: the whole record was made to agree with the damage."""
    newest = blocks.read(sound / TREE)[-1].ulid

    def change(copy: Path) -> None:
        damage(copy / TREE / newest)
        _agree(copy, all_of_it=True)

    assert said in failure(site, plant(site, target, sound, change, hashes=False))


def test_fewer_series_than_were_recorded(site: Site, target: Target, sound: Path) -> None:
    """A block that says of itself that it has more than the server finds in it."""
    newest = blocks.read(sound / TREE)[-1]

    def change(copy: Path) -> None:
        meta = copy / TREE / newest.ulid / "meta.json"
        series = newest.stats.num_series
        text = meta.read_text().replace(f'"numSeries": {series}', f'"numSeries": {series + 1}')
        meta.write_text(text)
        _agree(copy, all_of_it=True)

    said = failure(site, plant(site, target, sound, change, hashes=False))
    series = newest.stats.num_series
    assert f"has {series} entries, {series + 1} were recorded" in said


def _agree(copy: Path, *, all_of_it: bool = False) -> None:
    """Make a record agree with the files, and with what their blocks say of themselves."""
    record, files, found = (
        read_record(copy),
        read_tree(copy / TREE),
        blocks.read(copy / TREE),
    )
    changes: dict[str, object] = {"artifacts": artifacts(files)}
    if all_of_it:
        assert isinstance(record.content, Inventory)
        items = (
            *(blocks.samples(block.ulid, block.stats.num_samples, files) for block in found),
            *(blocks.expected_series(block, found) for block in found),
        )
        changes["content"] = record.content.model_copy(update={"items": items})
    (copy / RECORD_NAME).write_text(record.model_copy(update=changes).model_dump_json())


def test_a_server_without_its_admin_api(
    room: Path, config: Path, restic_binary: Path, tmp_path: Path
) -> None:
    """It is refused with what to add, and its live files are not copied."""
    with running(tmp_path, tmp_path / "data") as server:
        site = open_site(_site_of(room, server, restic_binary, "without"))
        (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert "--web.enable-admin-api" in str(done.error)
    assert leftovers(site) == []


def test_a_volume_that_is_another(
    room: Path, server: Server, restic_binary: Path, tmp_path: Path
) -> None:
    """The snapshot is not in it: where Prometheus writes is said, and it is removed there."""
    elsewhere = Server(tmp_path, server.url)
    site = open_site(_site_of(room, elsewhere, restic_binary, "elsewhere"))
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert f"Prometheus writes it to {server.data}/snapshots/" in str(done.error)
    assert list((server.data / "snapshots").iterdir()) == []


def test_put_back_a_server_starts_with_all_of_it(
    config: Path, server: Server, target: Target, sound: Path, room: Path
) -> None:
    """The restored directory is the one that was dumped, and has every series."""
    directory = room / "back"
    which = ("--snapshot", target.snapshot.id)
    done = alt_backup(config, "restore", VOLUME, *which, "--to", str(directory))
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_tree(sound / TREE).differences(read_tree(directory)) == ()
    with running(room, directory) as again:
        assert again.series() == server.series()
        assert len(again.series()) == 100
