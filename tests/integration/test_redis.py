"""Redis on this machine, from the running server to the proof: real server, real repository."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.engine import VolumeFiles
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.record import RECORD_NAME, Artifact, read_record
from alt_backup_assets.dumps.redis.cli import RedisCli
from alt_backup_assets.dumps.redis.content import take
from alt_backup_assets.dumps.redis.driver import RESTORATION
from alt_backup_assets.platforms.local_place import LocalPlace
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.drill import Target, drill, newest_target
from alt_backup_assets.verification.proof import Proof
from tests.planting import plant, restored
from tests.ports import free_port
from tests.programs import program
from tests.sites import leftovers, make_template, write_site

pytestmark = pytest.mark.integration

VOLUME = "redis-streams-data"
PASSWORD = "a b\"'\\$x"  # of a server on loopback that lives for seconds
_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A running Redis on loopback, and the programs that find it."""

    data: Path
    bin: Path
    port: int

    def cli(self) -> RedisCli:
        """Return how a test talks to it."""
        place = LocalPlace("redis of the test", programs=(self.bin,))
        return RedisCli(place, _SECONDS, password=PASSWORD)

    def ask(self, *command: str, database: int = 0) -> str:
        """Send one command."""
        return self.cli().ask(command, database=database)[0].rstrip("\n")


@contextmanager
def running(room: Path, data: Path, *, appendonly: bool) -> Iterator[Server]:
    """Run a Redis on a directory, and end it."""
    port = free_port()
    programs = room / f"bin-{port}"
    programs.mkdir(parents=True)
    (programs / "redis-server").symlink_to(program("redis-server"))
    script = programs / "redis-cli"
    script.write_text(f'#!/bin/sh\nexec {program("redis-cli")} -p {port} "$@"\n')
    script.chmod(0o755)
    data.mkdir(exist_ok=True)
    config = programs / "redis.conf"
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    config.write_text(
        f'port {port}\nbind 127.0.0.1\ndir "{data}"\nrequirepass "{quoted}"\nsave ""\n'
        f"appendonly {'yes' if appendonly else 'no'}\n"
    )
    with (room / f"log-{port}").open("wb") as log:
        process = subprocess.Popen([programs / "redis-server", config], stdout=log, cwd=room)
    try:
        server = Server(data, programs, port)
        _wait(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


def _wait(server: Server) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    while server.cli().information().get("loading") != "0":
        time.sleep(0.02)


def seed(server: Server) -> None:
    """Write streams with groups, odd names, several databases and keys that expire."""
    server.cli().ask(*(("XADD", "jobs", "*", "n", str(number)) for number in range(500)))
    server.ask("XADD", "odd \n name \\ é", "*", "field", "value\n")
    server.ask("XGROUP", "CREATE", "jobs", "work ers", "0")
    server.ask("XREADGROUP", "GROUP", "work ers", "one", "COUNT", "7", "STREAMS", "jobs", ">")
    server.ask("XGROUP", "CREATE", "jobs", "idle", "$")
    server.ask("XDEL", "jobs", server.ask("XRANGE", "jobs", "-", "+", "COUNT", "1").split("\n")[0])
    server.ask("SET", "plain", "value", database=3)
    server.ask("HSET", "hash", "a", "1", "b", "2", database=3)
    server.cli().ask(*(("RPUSH", "list", str(i)) for i in range(300)), database=3)
    server.ask("XADD", "going", "*", "a", "1")
    server.ask("EXPIRE", "going", "3600")


@pytest.fixture(name="room")
def _room() -> Iterator[Path]:
    # Short: a socket's path has 107 characters at most.
    with TemporaryDirectory(prefix="ab-") as directory:
        yield Path(directory)


@pytest.fixture(name="appendonly")
def _appendonly() -> bool:
    return False


@pytest.fixture(name="server")
def _server(room: Path, appendonly: bool) -> Iterator[Server]:
    with running(room, room / "data", appendonly=appendonly) as server:
        seed(server)
        yield server


@pytest.fixture(name="site")
def _site(room: Path, server: Server, restic_binary: Path) -> Site:
    make_template(room / "template", restic_binary)
    password = room / "redis-password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)
    config = write_site(
        room / "site",
        platform={
            "kind": "local",
            "name": "this-machine",
            "services": {"redis-streams": {"bin": [str(server.bin)]}},
            "volumes": {VOLUME: str(server.data)},
        },
        volumes={
            VOLUME: {
                "service": "redis-streams",
                "engine": "redis",
                "category": "data",
                "password_file": str(password),
            }
        },
        restic=restic_binary,
        scratch=room / "scratch",
        template=room / "template",
    )
    return open_site(config)


def backed_up(site: Site) -> Target:
    """Back the volume up and return its snapshot."""
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert done.error is None
    return newest_target(site, VOLUME)


def proof_of(site: Site, target: Target) -> Proof:
    """Drill a snapshot."""
    proof = drill(site, target)
    assert proof is not None
    assert leftovers(site) == []
    return proof


@pytest.mark.parametrize("appendonly", [False, True], ids=["rdb", "aof"])
def test_proven_and_put_back(site: Site, server: Server, room: Path, appendonly: bool) -> None:
    """A key whose time is over is no alarm, and a server starts from the tree with all data."""
    server.ask("SET", "soon", "gone", "PX", "8000", database=5)
    target = backed_up(site)
    source = take(server.cli(), "7")
    deadline = time.monotonic() + _SECONDS
    while server.ask("EXISTS", "soon", database=5) != "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    proof = proof_of(site, target)
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    with restored(site, target) as files:
        record = read_record(files)
        assert isinstance(record.content, Inventory)
        assert {item.at_most for item in record.content.items} == {None}
        assert {item.name: item.count for item in record.content.items}["db5 keys"] == 1
        assert isinstance(RESTORATION, VolumeFiles)
        tree = RESTORATION.lay_out(record, files)
        assert (record.content.settings["appendonly"] == "yes") is appendonly
        with running(room / "again", tree, appendonly=appendonly) as again:
            lasting = [item for item in take(again.cli(), "7") if "db5" not in item.name]
    expected = [item for item in source if "db5" not in item.name]
    assert [i for i in lasting if i.name != "databases with keys"] == [
        i for i in expected if i.name != "databases with keys"
    ]


def test_writers_do_not_stop_it(site: Site, server: Server) -> None:
    """What was saved is exact although entries are added all the time."""
    ended = threading.Event()
    cli = server.cli()

    def write() -> None:
        while not ended.is_set():
            cli.ask(*(("XADD", "jobs", "*", "n", "1") for _ in range(20)))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        target = backed_up(site)
        grown = int(server.ask("XLEN", "jobs"))
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    proof = proof_of(site, target)
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    with restored(site, target) as files:
        content = read_record(files).content
    assert isinstance(content, Inventory)
    assert {item.at_most for item in content.items} == {None}
    (jobs,) = (item for item in content.items if item.name == "db0 stream 'jobs'")
    assert 499 <= jobs.count < grown


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("XTRIM", "jobs", "MAXLEN", "498"), "db0 stream 'jobs' has 498 entries, 499 were"),
        (
            ("XGROUP", "DESTROY", "jobs", "idle"),
            "stream 'jobs' group 'idle' pending is missing",
        ),
        (("XGROUP", "SETID", "jobs", "idle", "0"), "group 'idle' pending has other content"),
    ],
)
def test_a_change_in_the_restored_copy(
    site: Site, server: Server, command: tuple[str, ...], said: str
) -> None:
    """One entry fewer, a group that is gone, or one that is elsewhere, is found and named."""
    target = backed_up(site)
    server.cli().ask(command, ("SAVE",))
    data = (server.data / "dump.rdb").read_bytes()
    proof = proof_of(site, planted(site, target, lambda _rdb: data))
    assert proof.verdict == "FAILED"
    assert said in "\n".join(proof.differences)


def test_a_file_cut_short(site: Site, server: Server) -> None:
    """The server refuses it, and its own words are said, though the record agrees with it."""
    target = backed_up(site)
    proof = proof_of(site, planted(site, target, lambda rdb: rdb[:60]))
    assert proof.verdict == "FAILED"
    (said,) = proof.differences
    assert "Redis did not load the dump: Short read or OOM loading DB" in said


def planted(site: Site, target: Target, change: Callable[[bytes], bytes]) -> Target:
    """Plant a snapshot with another file, and a record that agrees with its hash."""

    def alter(copy: Path) -> None:
        record, rdb = read_record(copy), copy / "files" / "dump.rdb"
        data = change(rdb.read_bytes())
        rdb.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        artifact = Artifact(path="files/dump.rdb", size_bytes=len(data), sha256=digest)
        changed = record.model_copy(update={"artifacts": (artifact,)})
        (copy / RECORD_NAME).write_text(changed.model_dump_json())

    with restored(site, target) as files:
        return plant(site, target, files, alter, hashes=False)


def test_a_wrong_password(site: Site, server: Server, room: Path) -> None:
    """Redis's refusal is said, without the password."""
    (room / "redis-password").write_text("never-mind\n")
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert "Redis refused AUTH: WRONGPASS" in str(done.error)
    assert "never-mind" not in str(done.error)
