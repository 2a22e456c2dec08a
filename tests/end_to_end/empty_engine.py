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
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.programs import program

_START_SECONDS = 60
_STOP_SECONDS = 180


@dataclass
class Engine:
    """A second engine.

    Attributes:
        directory: Holds everything it keeps.
        number: Tells it from others that run at the same time.
        process: Its daemon, once it was started.
    """

    directory: Path
    number: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which Docker's client means this engine."""
        return {"DOCKER_HOST": self._address}

    @property
    def socket(self) -> Path:
        """Where it answers."""
        return self.directory / "docker.sock"

    @property
    def bridge(self) -> str:
        """A bridge of its own: an engine told to have none removes that of the other one."""
        return f"ab-test{self.number}"

    @property
    def networks(self) -> str:
        """The addresses of its containers."""
        return f"10.213.{self.number * 64}.0/18"

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

    @property
    def _address(self) -> str:
        return f"unix://{self.socket}"

    def _argv(self) -> list[str]:
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        namespace = f"alt-backup-test{self.number}"
        return [
            str(program("dockerd")),
            *(p for option, name in places.items() for p in (option, f"{self.directory}/{name}")),
            *("--host", self._address, "--bridge", self.bridge, "--iptables=false"),
            *("--default-address-pool", f"base={self.networks},size=24"),
            # Where both engines share one containerd, each has its own containers there.
            *("--containerd-namespace", namespace),
            *("--containerd-plugins-namespace", f"{namespace}-plugins"),
        ]


@contextmanager
def empty_engine(directory: Path, images: Sequence[str], *, number: int = 0) -> Iterator[Engine]:
    """Run a second engine.

    Args:
        directory: An empty one, for everything the engine keeps; short, since a socket's path
            has 107 characters at most.
        images: What it has, from the engine that is there.
        number: Its own among those that may run at the same time.
    """
    engine = Engine(directory, number)
    # The other engine's rules drop what goes from one container to another, unless they are its.
    accepted = ("FORWARD", "-s", engine.networks, "-d", engine.networks, "-j", "ACCEPT")
    _ip("link", "delete", engine.bridge, check=False)  # a run that was killed left it
    _ip("link", "add", engine.bridge, "type", "bridge")
    _ip("address", "add", f"10.214.{number}.1/24", "dev", engine.bridge)
    _iptables("-D", *accepted, check=False)
    _iptables("-I", *accepted)
    try:
        engine.start()
        with subprocess.Popen([_client(), "save", *images], stdout=subprocess.PIPE) as saved:
            loading = ["load", "--quiet"]
            _run(loading, engine.environment, stdin=saved.stdout, timeout=300, check=True)
        assert saved.returncode == 0
        yield engine
    finally:
        engine.stop()
        _iptables("-D", *accepted)
        _ip("link", "delete", engine.bridge)


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


def _iptables(*words: str, check: bool = True) -> None:
    argv = [str(program("iptables")), "-w", *words]
    subprocess.run(argv, check=check, capture_output=True, timeout=30)


def _client() -> str:
    return str(program("docker"))
