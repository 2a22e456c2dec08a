"""Meilisearch from the running server to the proof and back: the double's program, real restic."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from alt_backup_assets.dumps.record import RECORD_NAME, Artifact, read_record
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.drill import Target, drill, newest_target
from alt_backup_assets.verification.proof import Proof
from tests.planting import plant, restored
from tests.ports import free_port
from tests.sites import ROOT, alt_backup, leftovers, make_template, write_site

pytestmark = pytest.mark.integration

VOLUME = "meili_data"
KEY = "key-of-seconds"
SNAPSHOT = "files/snapshots/data.ms.snapshot"
_SECONDS = 30.0


@dataclass(frozen=True)
class Bench:
    """A running server with data, and a site that backs it up."""

    site: Site
    config: Path
    data: Path
    key: Path
    url: str

    def fault(self, *names: str) -> None:
        """Switch faults on."""
        (self.data / "faults").write_text(" ".join(names))

    def send(self, method: str, path: str, body: dict[str, object]) -> None:
        """Have something changed, and wait until it is."""
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False) as client:
            uid = client.request(method, path, json=body).raise_for_status().json()["taskUid"]
            deadline = time.monotonic() + _SECONDS
            while client.get(f"/tasks/{uid}").json()["status"] != "succeeded":
                assert time.monotonic() < deadline


@contextmanager
def running(programs: Path, data: Path, port: int) -> Iterator[str]:
    """Run a server as a service would be, on its volume, and end it."""
    config = programs / "config.toml"
    config.write_text(f'master_key = "{KEY}"\n')
    address = f"127.0.0.1:{port}"
    options = {
        "db-path": data / "data.ms",
        "snapshot-dir": data / "snapshots",
        "http-addr": address,
        "config-file-path": config,
    }
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([programs / "meilisearch", *words])
    try:
        deadline = time.monotonic() + _SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


@pytest.fixture(name="port")
def _port() -> int:
    return free_port()


@pytest.fixture(name="programs")
def _programs(tmp_path: Path) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "meilisearch"
    double = ROOT / "tests" / "doubles" / "meilisearch.py"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {double} "$@"\n')
    script.chmod(0o755)
    return programs


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, restic_binary: Path, port: int, programs: Path) -> Iterator[Bench]:
    make_template(tmp_path / "template", restic_binary)
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    data = tmp_path / "data"
    data.mkdir()
    stopped = tmp_path / "stopped"
    service = {"bin": [str(programs)], "running": ["test", "!", "-e", str(stopped)]}
    entry = {"service": "meilisearch", "engine": "meilisearch", "category": "search"}
    limits = {"poll_seconds": 0.01, "task_timeout_seconds": 1}
    where = {"url": f"http://127.0.0.1:{port}", "password_file": str(key)}
    config = write_site(
        tmp_path / "site",
        platform={
            "kind": "local",
            "name": "this-machine",
            "services": {"meilisearch": service},
            "volumes": {VOLUME: str(data)},
        },
        volumes={VOLUME: {**entry, **limits, **where}},
        restic=restic_binary,
        template=tmp_path / "template",
    )
    with running(programs, data, port) as url:
        bench = Bench(open_site(config), config, data, key, url)
        movies = [{"id": number, "title": f"of {number}"} for number in range(30)]
        bench.send("POST", "/indexes/movies/documents", {"documents": movies})
        settings = {"synonyms": {"film": ["movie"]}}
        bench.send("PATCH", "/indexes/movies/settings", {"settings": settings})
        yield bench


def backed_up(bench: Bench) -> str | None:
    """Back up and return what went wrong."""
    site, names = bench.site, (VOLUME,)
    (done,) = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
    return str(done.error) if done.error else None


def proof_of(bench: Bench, target: Target) -> Proof:
    """Drill a snapshot; nothing of it is left."""
    proof = drill(bench.site, target)
    assert proof is not None
    assert leftovers(bench.site) == []
    return proof


def test_proven_and_put_back(bench: Bench, programs: Path, tmp_path: Path, port: int) -> None:
    """Proven by the engine's own server; the lost volume comes back and its service starts."""
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    proof = proof_of(bench, target)
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    assert {line.name for line in proof.compared} == {
        "API keys",
        "documents of movies",
        "settings of movies",
    }
    bench.send("POST", "/indexes/movies/documents", {"delete": list(range(30))})
    refused = alt_backup(bench.config, "restore", VOLUME)
    assert "service meilisearch runs" in refused.stdout + refused.stderr
    (tmp_path / "stopped").touch()  # as far as the site can tell
    done = alt_backup(bench.config, "restore", VOLUME)
    assert done.returncode == 0, done.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = int(free.getsockname()[1])
    headers = {"Authorization": f"Bearer {KEY}"}
    with running(programs, bench.data, other) as url:
        said = httpx.get(f"{url}/indexes/movies/stats", headers=headers, trust_env=False).json()
        settings = httpx.get(f"{url}/indexes/movies/settings", headers=headers, trust_env=False)
    assert said["numberOfDocuments"] == 30
    assert settings.json() == {"synonyms": {"film": ["movie"]}}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fail", "failed: No space left on device (no_space_left_on_device)"),
        ("cut-file", "is not a whole snapshot"),
    ],
)
def test_a_snapshot_that_goes_wrong(bench: Bench, fault: str, said: str) -> None:
    """The run is red with what to do, and leaves no snapshot in the repository."""
    bench.fault(fault)
    assert said in str(backed_up(bench))
    assert bench.site.local.snapshots(host=bench.site.name) == ()
    assert leftovers(bench.site) == []


def test_a_wrong_key(bench: Bench) -> None:
    """Meilisearch's refusal is said with what the key must be allowed, and never the key."""
    bench.key.write_text("never-mind\n")
    said = str(backed_up(bench))
    assert "The provided API key is invalid." in said
    assert "allowed snapshots.create, tasks.get" in said
    assert "never-mind" not in said


def _documents(index: dict[str, dict[str, object]]) -> None:
    del index["documents"]["7"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_documents, "documents of movies has 29 entries, 30 were recorded"),
        (None, "is not a whole snapshot"),
    ],
    ids=["document", "cut"],
)
def test_a_snapshot_of_other_data(
    bench: Bench, tmp_path: Path, change: Callable[[dict[str, object]], None] | None, said: str
) -> None:
    """A file that agrees with its hash and is cut, or holds something else, fails its drill."""
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    with restored(bench.site, target) as files:
        planted = plant(
            bench.site, target, files, lambda copy: _alter(copy, tmp_path, change), hashes=False
        )
    proof = proof_of(bench, planted)
    assert proof.verdict == "FAILED"
    assert said in "\n".join(proof.differences)


def test_a_file_that_is_not_what_was_written(bench: Bench) -> None:
    """One byte of the file is found by its hash alone."""
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)

    def flip(copy: Path) -> None:
        data = bytearray((copy / SNAPSHOT).read_bytes())
        data[50] ^= 1
        _write(copy, bytes(data))

    with restored(bench.site, target) as files:
        planted = plant(bench.site, target, files, flip, hashes=False)
    (said,) = proof_of(bench, planted).differences
    assert f"{SNAPSHOT} has sha256" in said


def test_the_proof_of_files(bench: Bench, programs: Path) -> None:
    """Without the engine's programs the files in the snapshot are proved, and it says so."""
    (programs / "meilisearch").rename(programs / "elsewhere")
    assert backed_up(bench) is None
    target = newest_target(bench.site, VOLUME)
    proof = proof_of(bench, target)
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    with restored(bench.site, target) as files:
        record = read_record(files)
        assert "service meilisearch has no program meilisearch" in record.warnings[0]


def _alter(copy: Path, room: Path, change: Callable[[dict[str, object]], None] | None) -> None:
    """Put another snapshot in the dump, and its hash in the record."""
    if change is None:
        _write(copy, (copy / SNAPSHOT).read_bytes()[:-40])
    else:
        flat, made = room / "flat", room / "made.tar.gz"
        with tarfile.open(copy / SNAPSHOT) as archive:
            archive.extractall(flat, filter="data")
        (path,) = flat.glob("indexes/*/data.mdb")
        index = json.loads(path.read_text())
        change(index)
        path.write_text(json.dumps(index))
        with tarfile.open(made, "w:gz") as archive:
            archive.add(flat, arcname=".")
        _write(copy, made.read_bytes())
    data = (copy / SNAPSHOT).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    artifact = Artifact(path=SNAPSHOT, size_bytes=len(data), sha256=digest)
    record = read_record(copy).model_copy(update={"artifacts": (artifact,)})
    (copy / RECORD_NAME).write_text(record.model_dump_json())


def _write(copy: Path, data: bytes) -> None:
    (copy / SNAPSHOT).unlink()  # Meilisearch lets nobody write to it
    (copy / SNAPSHOT).write_bytes(data)
