"""An engine whose dumps are loaded by its server, with data that are bytes in memory.

Keep out: what dumping and rehearsing are; ``FakeEngine`` does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Loading, Restoration, ThroughServer
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import Content, DumpRecord
from alt_backup_assets.platforms.seam import Platform, Service
from alt_backup_assets.registry.volume import Volume
from tests.fakes.engine import FakeEngine


@dataclass
class FakeServerEngine:
    """A driver whose volumes are put back through a server.

    Attributes:
        engine: Dumps and rehearses.
        loads: What was loaded, and into which database.
        waited: The services that were waited for.
        error: What the next load raises.
        loses: A load loses the last file.
    """

    engine: FakeEngine
    loads: list[tuple[str, str | None, dict[str, bytes]]] = field(default_factory=list)
    waited: list[str] = field(default_factory=list)
    error: Exception | None = None
    loses: bool = False

    @property
    def RESTORATION(self) -> Restoration:  # noqa: N802 -- the name every driver has
        """How a volume is put back."""
        return ThroughServer(wait=self._wait, load=self._load)

    def dump(self, volume: Volume, platform: Platform, directory: Path) -> Dumped:
        """Dump as the fake engine does."""
        return self.engine.dump(volume, platform, directory)

    def rehearse(self, record: DumpRecord, directory: Path, platform: Platform) -> FilesContent:
        """Rehearse as the fake engine does."""
        return self.engine.rehearse(record, directory, platform)

    def _wait(self, _volume: Volume, service: Service) -> None:
        self.waited.append(service.label)

    def _load(self, loading: Loading) -> Content:
        if self.error:
            raise self.error
        names = [artifact.path for artifact in loading.record.artifacts]
        data = {name: (loading.directory / name).read_bytes() for name in names}
        self.loads.append((loading.volume.name, loading.into, data))
        content = loading.record.content
        assert isinstance(content, FilesContent)
        return content.model_copy(update={"entries": content.entries[: -1 if self.loses else None]})
