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
from typing import IO

from tests.programs import program

_START_SECONDS = 60
_NAMESPACE = "alt-backup-test"
_BRIDGE = "ab-test0"
"""A bridge of its own: an engine that is told to have none removes that of the other one."""


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
    _ip("link", "delete", _BRIDGE, check=False)  # a run that was killed left it
    _ip("link", "add", _BRIDGE, "type", "bridge")
    _ip("address", "add", "10.214.0.1/24", "dev", _BRIDGE)
    with (directory / "log").open("wb") as log:
        daemon = subprocess.Popen(_argv(directory, address), stdout=log, stderr=log)
    try:
        environment = {"DOCKER_HOST": address}
        _wait(environment, directory / "log")
        with subprocess.Popen([_client(), "save", *images], stdout=subprocess.PIPE) as saved:
            _run(["load", "--quiet"], environment, stdin=saved.stdout, timeout=300, check=True)
        assert saved.returncode == 0
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
        _ip("link", "delete", _BRIDGE)


def _argv(directory: Path, address: str) -> list[str]:
    places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
    return [
        str(program("dockerd")),
        *(part for option, name in places.items() for part in (option, f"{directory}/{name}")),
        *("--host", address, "--bridge", _BRIDGE, "--iptables=false"),
        *("--default-address-pool", "base=10.213.0.0/16,size=24"),
        # Where both engines share one containerd, each has its own containers there.
        *("--containerd-namespace", _NAMESPACE),
        *("--containerd-plugins-namespace", f"{_NAMESPACE}-plugins"),
    ]


def _wait(environment: Mapping[str, str], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while _run(["version"], environment, timeout=_START_SECONDS).returncode:
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.2)


def _run(
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    stdin: IO[bytes] | None = None,
    check: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [_client(), *words],
        stdin=stdin,
        env={**os.environ, **environment},
        check=check,
        capture_output=True,
        timeout=timeout,
    )


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run([program("ip"), *words], check=check, capture_output=True, timeout=30)


def _client() -> str:
    return str(program("docker"))
