"""What every engine driver does: the same two verbs, a folder per engine.

Add an engine by adding its folder with a ``driver`` (``dump``, ``rehearse`` and how its volume is
put back) and a line in ``drivers``. What it finds in its data is an ``Inventory``, or a value of
its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from alt_backup_assets.dumps.record import Artifact, Content, DumpRecord, ServerState
from alt_backup_assets.platforms.seam import Platform, Runtime, Service
from alt_backup_assets.registry.volume import Volume


@dataclass(frozen=True)
class Dumped:
    """What a driver wrote.

    Attributes:
        taken_at: Data time, aware UTC: no byte of the dump is older than this.
        runtime: The program files a drill needs; None where it needs none.
        server_version: As the engine says it; empty where there is no server.
        artifacts: Files with a hash of their own; content may list more.
        content: What the engine found in the data.
        warnings: What is wrong at the source without making this dump a bad one, in sentences
            that say what to do.
        server_state: Where the server stood before; None where the engine cannot tell.
        data_bytes: What the live data takes up; None where that is not known.
    """

    taken_at: datetime
    runtime: Runtime | None
    server_version: str
    artifacts: tuple[Artifact, ...]
    content: Content
    warnings: tuple[str, ...] = ()
    server_state: ServerState | None = None
    data_bytes: int | None = None


@dataclass(frozen=True)
class VolumeFiles:
    """A volume that is put back as files, while its service is stopped.

    Attributes:
        lay_out: Turns a dump that came back from the repository into the tree that the volume
            must hold, somewhere inside the dump's directory, and returns where.
    """

    lay_out: Callable[[DumpRecord, Path], Path]


@dataclass(frozen=True)
class Loading:
    """A dump that is to be loaded into a running server.

    Attributes:
        volume: The registry's entry.
        record: The dump's record.
        directory: The dump, as it came back from the repository.
        service: The running server.
        into: Another database than the dump's own, which must be empty or not there; None for
            the dump's own, which are replaced.
    """

    volume: Volume
    record: DumpRecord
    directory: Path
    service: Service
    into: str | None = None


@dataclass(frozen=True)
class ThroughServer:
    """A volume that is put back through its own running server.

    Attributes:
        wait: Returns once the server takes connections, or raises.
        load: Loads a dump, all of it or nothing, and takes the content of what it loaded.
    """

    wait: Callable[[Volume, Service], None]
    load: Callable[[Loading], Content]


Restoration = VolumeFiles | ThroughServer


class Driver(Protocol):
    """An engine's module."""

    RESTORATION: Restoration

    def dump(self, volume: Volume, platform: Platform, directory: Path) -> Dumped:
        """Write a consistent dump of a volume into an empty directory."""

    def rehearse(self, record: DumpRecord, directory: Path, platform: Platform) -> Content:
        """Bring a restored dump to life in a throw-away target and take its content again."""
