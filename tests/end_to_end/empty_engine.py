"""A Docker engine with no container and no volume, beside the one the tests run on.

What "a bare machine" means for a restore, and what may be restarted. Its images are handed over
from the other engine, as a machine that can pull would get them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.programs import program

_START_SECONDS = 60
_STOP_SECONDS = 180
_BRIDGE = "ab-test0"
"""A bridge of its own: an engine that is told to have none removes that of the other one."""

_APART = "ab-apart"
HERE, _THERE = "10.214.1.1", "10.214.1.2"
"""This machine as an engine apart sees it, and that engine's as this one does."""


@dataclass
class Engine:
    """A second engine.

    Attributes:
        directory: Holds everything it keeps.
        namespace: Where both engines share one containerd, each has its own containers there.
        network: Options of its daemon.
        within: What the daemon is started by.
        process: The daemon, once it was started.
    """

    directory: Path
    namespace: str
    network: Sequence[str] = ()
    within: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which Docker's client means this engine."""
        return {"DOCKER_HOST": f"unix://{self.directory}/docker.sock"}

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        log = self.directory / "log"
        with log.open("ab") as said:
            self.process = subprocess.Popen(self._argv(), stdout=said, stderr=said)
        deadline = time.monotonic() + _START_SECONDS
        while _run(["version"], self.environment, timeout=_START_SECONDS).returncode:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)

    def stop(self) -> None:
        """End the daemon as a service manager does; it stops its containers."""
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=_STOP_SECONDS)

    def _argv(self) -> list[str]:
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        return [
            *self.within,
            str(program("dockerd")),
            *(p for option, name in places.items() for p in (option, f"{self.directory}/{name}")),
            *("--host", self.environment["DOCKER_HOST"], *self.network),
            *("--containerd-namespace", self.namespace),
            *("--containerd-plugins-namespace", f"{self.namespace}-plugins"),
        ]


@contextmanager
def empty_engine(directory: Path, images: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Run a second engine in this machine's network. It must not be started twice.

    Args:
        directory: An empty one, for everything the engine keeps; short, since a socket's path
            has 107 characters at most.
        images: What it has, from the engine that is there.

    Yields:
        The environment in which Docker's client means this engine.
    """
    _ip("link", "delete", _BRIDGE, check=False)  # a run that was killed left it
    _ip("link", "add", _BRIDGE, "type", "bridge")
    _ip("address", "add", "10.214.0.1/24", "dev", _BRIDGE)
    pool = ("--default-address-pool", "base=10.213.0.0/16,size=24")
    network = ("--bridge", _BRIDGE, "--iptables=false", *pool)
    try:
        with _running(Engine(directory, "alt-backup-test", network), images) as engine:
            yield engine.environment
    finally:
        _ip("link", "delete", _BRIDGE)


@contextmanager
def engine_apart(directory: Path, images: Sequence[str]) -> Iterator[Engine]:
    """Run a second engine in a network of its own, which may be restarted.

    In one network the second start of an engine with address pools removes the bridge of the
    other. What it publishes is reached at the address that its environment names as the bind.

    Args:
        directory: As for ``empty_engine``.
        images: As for ``empty_engine``.
    """
    inside = ("-n", _APART)
    _ip("netns", "delete", _APART, check=False)  # a run that was killed left it
    _ip("netns", "add", _APART)
    try:
        _ip("link", "add", _APART, "type", "veth", "peer", "name", "eth0", "netns", _APART)
        _ip("address", "add", f"{HERE}/30", "dev", _APART)
        _ip("link", "set", _APART, "up")
        _ip(*inside, "address", "add", f"{_THERE}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip(*inside, "link", "set", device, "up")
        within = (str(program("nsenter")), f"--net=/run/netns/{_APART}")
        with _running(_Apart(directory, "alt-backup-apart", within=within), images) as engine:
            yield engine
    finally:
        _ip("netns", "delete", _APART)


class _Apart(Engine):
    """An engine in a network of its own."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The same, with where its ports can be reached."""
        return {**super().environment, "ALT_BACKUP_BIND": _THERE}


@contextmanager
def _running(engine: Engine, images: Sequence[str]) -> Iterator[Engine]:
    try:
        engine.start()
        with subprocess.Popen([_client(), "save", *images], stdout=subprocess.PIPE) as saved:
            loading = ["load", "--quiet"]
            _run(loading, engine.environment, stdin=saved.stdout, timeout=300, check=True)
        assert saved.returncode == 0
        yield engine
    finally:
        engine.stop()


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
