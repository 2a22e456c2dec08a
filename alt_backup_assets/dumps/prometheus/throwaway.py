"""A dump in a throw-away target, opened by the source's own promtool and prometheus.

The blocks are linked into a directory of the target's own, so that nothing is written into what
was restored. ``promtool tsdb dump`` is not asked: it ends a series at a damaged chunk and exits 0
(seen with 2.42.0), while ``analyze --extended`` reads every chunk with its checksum.

Source: Prometheus documentation, "promtool"; tsdb/db.go (blocks are directories, not links).
"""

from __future__ import annotations

import posixpath
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alt_backup_assets.dumps.prometheus.blocks import Block
from alt_backup_assets.errors import DrillError, ToolFailed, ToolTimeout
from alt_backup_assets.platforms.seam import Session, Throwaway

_READ_SECONDS = 7200.0
_STEP_SECONDS = 60.0
_START_SECONDS = 600.0
_POLL_SECONDS = 0.2
_LIST_COLUMNS = 8
_SAMPLES_COLUMN = 4
# The server deletes what is older than this when it starts.
_RETENTION = "100y"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Opened:
    """Blocks in a throw-away target.

    Attributes:
        place: The target.
        directory: Where in it a Prometheus finds them.
    """

    place: Throwaway
    directory: str

    def samples(self) -> dict[str, int]:
        """Return how many samples each block has that opens.

        Raises:
            ToolFailed: One does not.
            DrillError: The list is not what it should be.
        """
        argv = ["promtool", "tsdb", "list", self.directory]
        said = self.place.run(argv, timeout_seconds=_READ_SECONDS).decode()
        head, *lines = said.splitlines() or [""]
        found = [line.split() for line in lines]
        if not head.startswith("BLOCK ULID") or any(len(row) != _LIST_COLUMNS for row in found):
            raise DrillError(f"promtool lists the blocks with {said[:80]!r}")
        return {row[0]: int(row[_SAMPLES_COLUMN]) for row in found}

    def read_chunks(self, block: Block) -> None:
        """Read every chunk of a block.

        Raises:
            ToolFailed: One is damaged, or not there.
        """
        argv = ["promtool", "tsdb", "analyze", "--extended", self.directory, block.ulid]
        self.place.run(argv, timeout_seconds=_READ_SECONDS, stdout=len)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Start the server on the blocks and give the address it answers at.

        Raises:
            ToolFailed: It ended; its own words are in the message.
            DrillError: It did not get ready in time.
        """
        config = posixpath.join(self.place.directory, "prometheus.yml")
        self.place.run(["tee", config], timeout_seconds=_STEP_SECONDS, stdin=b"global: {}\n")
        address = f"127.0.0.1:{_free_port()}"
        options = {
            "config.file": config,
            "storage.tsdb.path": self.directory,
            "storage.tsdb.retention.time": _RETENTION,
            "web.listen-address": address,
            "log.level": "error",
        }
        argv = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
        with self.place.open(argv) as server:
            self._wait(server, f"http://{address}")
            yield f"http://{address}"

    def series(self, url: str, block: Block) -> int:
        """Ask the server how many series it has in the time of a block; raises ToolError."""
        counter = _Lines()
        start, end = (_written(each) for each in (block.min_time, block.max_time - 1))
        matching = ["--match", '{__name__=~".+"}']
        argv = ["promtool", "query", "series", *matching, "--start", start, "--end", end, url]
        self.place.run(argv, timeout_seconds=_READ_SECONDS, stdout=counter.take)
        return counter.count

    def _wait(self, server: Session, url: str) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < _START_SECONDS:
            with suppress(ToolTimeout):  # it says no line: a pause, which only its end cuts short
                server.read_line(timeout_seconds=_POLL_SECONDS)
            try:
                argv = ["promtool", "query", "instant", url, "vector(1)"]
                self.place.run(argv, timeout_seconds=_STEP_SECONDS)
            except ToolFailed:
                continue
            return
        raise DrillError(f"Prometheus did not get ready within {_START_SECONDS:g} s")


def opened(place: Throwaway, tree: Path, blocks: tuple[Block, ...]) -> Opened:
    """Bring blocks into a throw-away target.

    Args:
        place: The target.
        tree: The directory they are in on this machine.
        blocks: Which.

    Raises:
        ToolError: A program is not there, or failed.
    """
    arrived = place.put(tree)
    directory = posixpath.join(place.directory, "data")
    # promtool looks for what was in memory too, and there is nothing of it.
    made = [posixpath.join(directory, name) for name in ("wal", *(b.ulid for b in blocks))]
    place.run(["mkdir", "-p", *made], timeout_seconds=_STEP_SECONDS)
    for block in blocks:
        names = sorted(path.name for path in (tree / block.ulid).iterdir())
        files = [posixpath.join(arrived, block.ulid, name) for name in names]
        target = posixpath.join(directory, block.ulid)
        place.run(["ln", "-s", *files, target], timeout_seconds=_STEP_SECONDS)
    return Opened(place, directory)


@dataclass
class _Lines:
    count: int = field(default=0)

    def take(self, piece: bytes) -> None:
        self.count += piece.count(b"\n")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _written(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
