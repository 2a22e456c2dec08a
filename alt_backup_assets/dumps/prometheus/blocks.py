"""What the blocks of a Prometheus hold, as they say themselves and as their bytes are.

Keep out: how Prometheus is made to say it, in the live service or in a drill.

Source: Prometheus, tsdb/docs/format/README.md (directory of a block) and tsdb/block.go (meta.json).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.values import Frozen

UNIT = "entries"
META = "meta.json"


class _FromPrometheus(Frozen):
    # It may say more; what is zero it leaves out.
    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


class Stats(_FromPrometheus):
    """How much is in a block; ``num_tombstones`` of it was deleted since."""

    num_samples: int = 0
    num_series: int = 0
    num_tombstones: int = 0


class Block(_FromPrometheus):
    """One block.

    Attributes:
        ulid: Its name, and that of its directory.
        min_time: Of its first sample, in milliseconds since 1970.
        max_time: After its last sample.
        stats: How much it holds.
    """

    ulid: str
    min_time: int
    max_time: int
    stats: Stats = Stats()

    def overlaps(self, other: Block) -> bool:
        """Tell whether a sample of the one may lie in the time of the other."""
        return self.min_time < other.max_time and other.min_time < self.max_time


def read(tree: Path) -> tuple[Block, ...]:
    """Read what every block of a directory says of itself, in the order of their names.

    Raises:
        DumpFailed: A directory in it is no whole block.
    """
    return tuple(_read(path) for path in sorted(tree.iterdir()) if path.is_dir())


def samples(name: str, count: int, content: FilesContent) -> Item:
    """Return how many samples a block has, with a hash of all its files.

    Args:
        name: The block.
        count: Its samples.
        content: The directory it is in.
    """
    lines = "".join(
        f"{entry.path} {entry.content}\n"
        for entry in content.entries
        if entry.kind == "file" and PurePosixPath(entry.path).parts[0] == name
    )
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Item(name=f"samples of block {name}", count=count, content=digest)


def series(block: Block, count: int, at_most: int | None = None) -> Item:
    """Return how many series answer for the time of a block."""
    return Item(name=f"series in the time of block {block.ulid}", count=count, at_most=at_most)


def expected_series(block: Block, every: Iterable[Block]) -> Item:
    """Return how many series must answer for the time of a block: exact, where it is alone in it.

    Where other blocks reach into that time their series may answer too, and where series were
    deleted from it some may not answer.
    """
    beside = [other for other in every if other.ulid != block.ulid and other.overlaps(block)]
    least = 0 if block.stats.num_tombstones else block.stats.num_series
    most = block.stats.num_series + sum(other.stats.num_series for other in beside)
    return series(block, least, most if most != least else None)


def _read(path: Path) -> Block:
    try:
        block = Block.model_validate_json((path / META).read_bytes())
    except (OSError, ValidationError):
        raise DumpFailed(f"{path.name} is no whole block: its {META} cannot be read") from None
    if block.ulid != path.name:
        raise DumpFailed(f"{path.name} is no whole block: its {META} is of {block.ulid}")
    return block
