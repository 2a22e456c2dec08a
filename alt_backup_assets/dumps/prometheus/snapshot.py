"""Has a running Prometheus make a snapshot, and removes it again.

A snapshot is hard links to the blocks there are, and one more block of what is in memory. It lies
in the server's own volume, so each is marked as ours: what a killed run left is removed by the
next, and what an operator made is not. Keep out: what is in it.

Source: Prometheus documentation, "HTTP API", TSDB Admin APIs and Status.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alt_backup_assets.errors import DumpFailed, PlatformError, ToolError, ToolFailed
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.http import HttpService

MARK = ".alt-backup"
_PORT = 9090
_DIRECTORY = "snapshots"
_DISABLED = "admin APIs disabled"
_NONE = ("0", "0s", "None")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]*")
_REMOVE_SECONDS = 300.0


@dataclass(frozen=True)
class Source:
    """A running Prometheus.

    Attributes:
        service: Where it runs.
        http: Where it answers.
        timeout_seconds: For each question.
    """

    service: Service
    http: HttpService
    timeout_seconds: float

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """Ask for something and return the ``data`` of the answer.

        Raises:
            ToolError: It refused, did not answer in time, or with something else.
            ServiceVanished: Nothing answers.
        """
        said = self.http.json(method, path, timeout_seconds=self.timeout_seconds)
        data = said.get("data") if isinstance(said, dict) else None
        if not isinstance(data, dict):
            raise ToolFailed(f"{self.http.label}: {path} was answered with {str(said)[:80]!r}")
        return data

    @property
    def version(self) -> str:
        """What it says it is; raises as ``ask``."""
        return str(self.ask("GET", "/api/v1/status/buildinfo").get("version", ""))

    @property
    def directory(self) -> str:
        """Where it keeps its data, inside the service; raises as ``ask``."""
        flags = self.ask("GET", "/api/v1/status/flags")
        path = flags.get("storage.tsdb.path")
        if not path or not isinstance(path, str):
            raise ToolFailed(f"{self.http.label} does not tell its storage.tsdb.path")
        return path

    @property
    def out_of_order(self) -> str:
        """How late samples may come, such as ``1h``; empty where none may. Raises as ``ask``."""
        said = self.ask("GET", "/api/v1/status/config").get("yaml")
        try:
            window = yaml.safe_load(str(said))["storage"]["tsdb"]["out_of_order_time_window"]
        except (yaml.YAMLError, KeyError, TypeError):
            return ""  # most configurations have no such section
        return "" if str(window) in _NONE else str(window)


def source(volume: Volume, service: Service) -> Source:
    """Return how a volume's server is talked to.

    Raises:
        ServiceNotFound: It has no address.
    """
    url = volume.url or f"http://{service.address}:{_PORT}"
    return Source(service, HttpService(service.label, url), volume.timeout_minutes * 60.0)


@contextmanager
def snapshot(prometheus: Source, volume: Path, warnings: list[str]) -> Iterator[Path]:
    """Make a snapshot, hand out where it is on this machine, and remove it in any case.

    Args:
        prometheus: The server.
        volume: Its volume, as this machine reads it.
        warnings: Gets a sentence where the snapshot could not be removed.

    Raises:
        DumpFailed: Prometheus refused, or its snapshot is not in this volume.
        ToolError: It did not answer, or with something else.
        PlatformError: The service went away.
    """
    directory = posixpath.join(prometheus.directory, _DIRECTORY)
    for left in sorted((volume / _DIRECTORY).glob(f"*/{MARK}")):
        _remove(prometheus.service, posixpath.join(directory, left.parent.name), warnings)
    name = _made(prometheus)
    inside = posixpath.join(directory, name)
    try:
        with suppress(ToolError):  # the removal needs the same programs, and tells
            mark = posixpath.join(inside, MARK)
            prometheus.service.run(["touch", mark], timeout_seconds=_REMOVE_SECONDS)
        here = volume / _DIRECTORY / name
        if not here.is_dir():
            raise DumpFailed(
                f"{volume} does not hold the snapshot just made: Prometheus writes it to {inside}"
                " in its service; is this its volume, mounted where it keeps its data?"
            )
        yield here
    finally:
        _remove(prometheus.service, inside, warnings)


def _made(prometheus: Source) -> str:
    try:
        data = prometheus.ask("POST", "/api/v1/admin/tsdb/snapshot")
    except ToolFailed as error:
        if _DISABLED not in str(error):
            raise
        raise DumpFailed(
            f"{prometheus.http.label} makes no snapshot ({_DISABLED}): start it with"
            " --web.enable-admin-api; its live files are never copied, as a server that writes"
            " them may not start from such a copy"
        ) from None
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ToolFailed(f"{prometheus.http.label} does not tell the name of its snapshot")
    return name


def _remove(service: Service, path: str, warnings: list[str]) -> None:
    try:
        service.run(["rm", "-rf", path], timeout_seconds=_REMOVE_SECONDS)
    except (ToolError, PlatformError) as error:
        warnings.append(
            f"The snapshot {path} could not be removed and keeps old blocks on the disk: remove it"
            f" ({error})."
        )
