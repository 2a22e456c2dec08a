"""The platform that is backed up: a server in a container for each database, and directories.

Everything on the engine carries this run's label, and only that is removed. No network. Keep
out: who backs it up.
"""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from benchmarks import seed
from benchmarks.errors import BenchmarkFailed
from benchmarks.sizes import Database, Size

LABEL = "io.alt-backup.benchmark"
OF_THE_PRODUCT = "io.alt-backup.platform"
_START_SECONDS = 120
_SEED_SECONDS = 3600

Say = Callable[[str], object]
"""Takes one line of progress."""


@dataclass(frozen=True)
class Platform:
    """What a benchmark works on.

    Attributes:
        name: The Compose project's, and the label's value.
        size: How much there is.
        volumes: Directory with the volumes of files.
        small: Directory with many small volumes.
        client: The engine.
        servers: The container of each database, by its volume.
        files: How many files each volume has.
        rows: Lines ``database|table|rows`` of every database.
        database_bytes: What the servers say the databases take.
    """

    name: str
    size: Size
    volumes: Path
    small: Path
    client: DockerClient
    servers: dict[str, Container]
    files: dict[str, int]
    rows: frozenset[str]
    database_bytes: int

    def container(self, database: Database) -> str:
        """Return the name of a database's container."""
        return str(self.servers[database.volume].name)

    def tell(self, database: Database, script: str) -> str:
        """Run SQL in a database and return the bare values it prints."""
        return _psql(self.container(database), database, script)


@contextmanager
def running_platform(size: Size, root: Path, say: Say) -> Iterator[Platform]:
    """Start the servers and fill them; all of it is removed at the end, whatever happened.

    Args:
        size: How much data.
        root: An empty directory for the volumes of files.
        say: Gets a line per step.

    Raises:
        BenchmarkFailed: A server did not start, or could not be filled.
    """
    client = docker.from_env()
    name = f"altbackup-bench-{secrets.token_hex(4)}"
    try:
        servers = {each.volume: _start(client, name, each) for each in size.databases}
        say(f"filling {len(servers)} databases and {len(size.files)} volumes of files")
        with ThreadPoolExecutor(max_workers=2) as pool:
            containers = (str(servers[each.volume].name) for each in size.databases)
            rows = list(pool.map(_fill, containers, size.databases))
        volumes, small = root / "files", root / "small"
        files = {each.volume: seed.write_files(each, volumes / each.volume) for each in size.files}
        for number in range(max(size.many)):
            seed.write_small_files(small / small_volume(number), number)
        sizes = (
            _psql(
                str(servers[each.volume].name), each, "SELECT pg_database_size(current_database())"
            )
            for each in size.databases
        )
        yield Platform(
            name=name,
            size=size,
            volumes=volumes,
            small=small,
            client=client,
            servers=servers,
            files=files,
            rows=frozenset(line for lines in rows for line in lines),
            database_bytes=sum(map(int, sizes)),
        )
    finally:
        _remove(client, name)
        client.close()


def small_volume(number: int) -> str:
    """Return the name of one of many small volumes."""
    return f"small_{number:03}"


def _start(client: DockerClient, name: str, database: Database) -> Container:
    labels = {
        LABEL: name,
        "com.docker.compose.project": name,
        "com.docker.compose.service": database.service,
        "com.docker.compose.oneoff": "False",
    }
    return client.containers.run(
        database.image,
        ["postgres", "-c", "max_wal_size=4GB"],
        name=f"{name}-{database.service}",
        detach=True,
        network_mode="none",
        shm_size="512m",
        environment={
            "POSTGRES_USER": database.user,
            "POSTGRES_DB": database.name,
            "POSTGRES_HOST_AUTH_METHOD": "trust",  # no network; the official image asks for it
        },
        labels=labels,
    )


def _fill(container: str, database: Database) -> list[str]:
    _wait(container, database)
    # No transaction id is to be consumed behind the benchmark's back.
    _psql(container, database, "ALTER SYSTEM SET autovacuum = off;\nSELECT pg_reload_conf();\n")
    _psql(container, database, seed.database_script(database))
    counted = _psql(container, database, seed.COUNTS.read_text())
    return [f"{database.name}|{line}" for line in counted.splitlines()]


def _wait(container: str, database: Database) -> None:
    argv = ["docker", "exec", container, "pg_isready", "-q", "-h", "127.0.0.1"]
    argv += ["-U", database.user, "-d", database.name]
    deadline = time.monotonic() + _START_SECONDS
    while subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"the server {container} did not start")
        time.sleep(0.2)


def _psql(container: str, database: Database, script: str) -> str:
    argv = ["docker", "exec", "-i", container, "psql", "-X", "-q", "-A", "-t"]
    argv += ["-v", "ON_ERROR_STOP=1", "-U", database.user, "-d", database.name]
    done = subprocess.run(
        argv, input=script, capture_output=True, text=True, check=False, timeout=_SEED_SECONDS
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{database.name}: {done.stderr.strip()}")
    return done.stdout.strip()


def _remove(client: DockerClient, name: str) -> None:
    """Remove this run's containers, and the product's throw-away ones made for it."""
    for label in (f"{LABEL}={name}", f"{OF_THE_PRODUCT}={name}"):
        found = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        for container in found:
            try:
                container.remove(force=True, v=True)
            except NotFound:
                continue
