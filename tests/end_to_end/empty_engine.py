"""A Docker engine with no container and no volume, beside the one the tests run on.

What "a bare machine" means for a restore. Its images are handed over from the other engine, as a
machine that can pull would get them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException

from tests.programs import program

_START_SECONDS = 60
_NAMESPACE = "alt-backup-test"


@contextmanager
def empty_engine(directory: Path, images: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Run a second engine.

    Args:
        directory: An empty one, for everything the engine keeps; short, since a socket's path
            has 107 characters at most.
        images: What it has, from the engine that is there.

    Yields:
        The environment in which Docker's client means this engine.
    """
    address = f"unix://{directory}/docker.sock"
    with (directory / "log").open("wb") as log:
        daemon = subprocess.Popen(_argv(directory, address), stdout=log, stderr=log)
    try:
        _wait(address, directory / "log")
        client = str(program("docker"))
        saved = subprocess.Popen([client, "save", *images], stdout=subprocess.PIPE)
        environment = {"DOCKER_HOST": address}
        subprocess.run(
            [client, "load", "--quiet"],
            stdin=saved.stdout,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            timeout=300,
        )
        assert saved.wait(timeout=30) == 0
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def _argv(directory: Path, address: str) -> list[str]:
    places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
    return [
        str(program("dockerd")),
        *(part for option, name in places.items() for part in (option, f"{directory}/{name}")),
        *("--host", address, "--bridge", "none", "--iptables=false"),
        *("--default-address-pool", "base=10.213.0.0/16,size=24"),
        # Where both engines share one containerd, each has its own containers there.
        *("--containerd-namespace", _NAMESPACE),
        *("--containerd-plugins-namespace", f"{_NAMESPACE}-plugins"),
    ]


def _wait(address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client = docker.DockerClient(base_url=address)
        except DockerException:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)
        else:
            client.close()
            return
