"""What every engine driver does: the same two verbs, a module per engine.

Add an engine by adding its module (``dump`` and ``rehearse``), its content value, and a line
in ``drivers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from alt_backup_assets.dumps.record import Artifact, Content, DumpRecord
from alt_backup_assets.platforms.seam import Platform, Runtime
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
    """

    taken_at: datetime
    runtime: Runtime | None
    server_version: str
    artifacts: tuple[Artifact, ...]
    content: Content


class Driver(Protocol):
    """An engine's module."""

    def dump(self, volume: Volume, platform: Platform, directory: Path) -> Dumped:
        """Write a consistent dump of a volume into an empty directory."""

    def rehearse(self, record: DumpRecord, directory: Path, platform: Platform) -> Content:
        """Bring a restored dump to life in a throw-away target and take its content again."""
