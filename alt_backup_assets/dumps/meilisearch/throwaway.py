"""A throw-away Meilisearch that has loaded a snapshot: the source's own program and curl.

It listens on a loopback port of its place and answers only to a key made for it, which travels
in files and on standard input only.

Source: Meilisearch documentation, "Configure Meilisearch at launch" (``import_snapshot``,
``config_file_path``), API reference, "Health"; its Dockerfile, which has curl.
"""

from __future__ import annotations

import posixpath
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.dumps.meilisearch import task
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DrillError, ToolFailed, ToolMissing, ToolTimeout
from alt_backup_assets.platforms.seam import Place, Platform, Service, Session
from alt_backup_assets.tools.meilisearch import Answer, Ask, parsed

_CALL_SECONDS = 60.0
_LOAD_SECONDS = 7200.0
_POLL_SECONDS = 0.2
_FIRST_ERROR = 400
_PROGRAMS = ("meilisearch", "curl")


def missing_program(service: Service) -> str | None:
    """Return a program that a drill needs and the service has not; None where it has both."""
    for program in _PROGRAMS:
        try:
            service.run([program, "--version"], timeout_seconds=_CALL_SECONDS)
        except ToolMissing:
            return program
    return None


@contextmanager
def server(platform: Platform, record: DumpRecord, snapshot: Path) -> Iterator[Ask]:
    """Start a throw-away server on a snapshot; leaving the context removes all of it.

    Args:
        platform: Makes the place.
        record: Names the service and the program files the dump was taken with.
        snapshot: The dump's file.

    Raises:
        DrillError: The server refused the file, or did not load it in time.
        ToolError: It did not start.
        PlatformError: No throw-away target could be made.
    """
    if record.runtime is None:
        raise DrillError(f"the record of {record.volume} does not say what the server ran on")
    with platform.throwaway(record.service, record.runtime) as place:
        key = secrets.token_urlsafe(32)
        config = posixpath.join(place.directory, "config.toml")
        place.run(
            ["tee", config],
            timeout_seconds=_CALL_SECONDS,
            stdin=f'master_key = "{key}"\n'.encode(),
            stdout=len,
        )
        address = f"127.0.0.1:{_free_port()}"
        curl = Curl(place, f"http://{address}", key)
        with place.open(_start(place.directory, address, place.put(snapshot), config)) as session:
            _wait(curl, session)
            if not task.is_drained(
                curl.get, poll_seconds=_POLL_SECONDS, timeout_seconds=_LOAD_SECONDS
            ):
                raise DrillError(f"its tasks were not done within {_LOAD_SECONDS:g} s")
            yield curl.get


@dataclass(frozen=True)
class Curl:
    """A server's HTTP interface where only commands reach it.

    Attributes:
        place: Where curl runs.
        url: Where the server listens in it.
        key: Its key.
    """

    place: Place
    url: str
    key: str = field(repr=False)

    def get(self, path: str) -> Answer:
        """Get a path.

        Raises:
            ToolFailed: It was refused, nothing answers, or the answer is no JSON object.
            ToolTimeout: It was not answered in time.
            ServiceVanished: The place is gone.
        """
        argv = ["curl", "--silent", "--show-error", "--noproxy", "*", "--config", "-"]
        said = self.place.run(
            [*argv, "--write-out", "\\n%{http_code}", f"{self.url}{path}"],
            timeout_seconds=_CALL_SECONDS,
            stdin=f'header = "Authorization: Bearer {self.key}"\n'.encode(),
        )
        body, _, status = said.decode("utf-8", "replace").rpartition("\n")
        if not status.isdecimal() or int(status) >= _FIRST_ERROR:
            code = int(status) if status.isdecimal() else None
            raise ToolFailed(f"{self.place.label}: GET {path}: {status}: {body[:500]}", code)
        return parsed(body, self.place.label)


def _start(directory: str, address: str, snapshot: str, config: str) -> list[str]:
    options = {
        "import-snapshot": snapshot,
        "db-path": posixpath.join(directory, "data.ms"),
        "snapshot-dir": posixpath.join(directory, "snapshots"),
        "dump-dir": posixpath.join(directory, "dumps"),
        "http-addr": address,
        "config-file-path": config,
        "env": "production",  # without a key it would not even start
        "log-level": "ERROR",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return ["meilisearch", *words, "--no-analytics"]


def _free_port() -> int:
    """Return a port nobody uses here; a container of its own has every port free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(curl: Curl, session: Session) -> None:
    """Return once the snapshot is loaded: only then does the server answer."""
    deadline = time.monotonic() + _LOAD_SECONDS
    while True:
        try:
            curl.get("/health")
        except ToolFailed:
            _require_alive(session)
        else:
            return
        if time.monotonic() > deadline:
            raise DrillError(f"Meilisearch did not load the snapshot within {_LOAD_SECONDS:g} s")


def _require_alive(session: Session) -> None:
    try:
        session.read_line(timeout_seconds=_POLL_SECONDS)
    except ToolTimeout:
        return  # it runs and says nothing
    except ToolFailed as error:
        raise DrillError(f"Meilisearch did not load the snapshot: {error}") from error
