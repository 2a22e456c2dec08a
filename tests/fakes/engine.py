"""An engine whose data are bytes in memory, dated by the test's own clock.

It stands where a driver stands: it writes real files and opens a real throw-away place of the
platform it is given. Keep out: anything an engine's own programs do.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from tests.fakes.clock import Clock
from tests.fakes.platform import RUNTIME

Errors = defaultdict[str, list[BaseException]]


@dataclass
class FakeEngine:
    """A driver of volumes that are a few files in memory.

    Attributes:
        clock: Dates the dumps.
        data: The files of each volume, by volume and name.
        dump_errors: What the next dumps of a volume raise, one each, after their first file.
        rehearse_errors: The same for its rehearsals.
        restore: What a rehearsal makes of the content it finds.
        dumped: The volumes of all dumps that were begun.
        warnings: What every dump warns of.
    """

    RESTORATION: ClassVar[Restoration] = VolumeFiles(lay_out=lambda _record, directory: directory)

    clock: Clock
    data: dict[str, dict[str, bytes]] = field(default_factory=dict)
    dump_errors: Errors = field(default_factory=lambda: defaultdict(list))
    rehearse_errors: Errors = field(default_factory=lambda: defaultdict(list))
    restore: Callable[[FilesContent], FilesContent] = lambda content: content
    dumped: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def dump(
        self,
        volume: Volume,
        platform: Platform,  # noqa: ARG002 -- the data are here
        directory: Path,
    ) -> Dumped:
        """Write a volume's files; see ``Driver.dump``."""
        self.dumped.append(volume.name)
        artifacts = []
        for name, data in self.data[volume.name].items():
            with writing(directory / name) as out:
                out.write(data)
            artifacts.append(out.artifact)
            if self.dump_errors[volume.name]:
                raise self.dump_errors[volume.name].pop(0)
        return Dumped(
            taken_at=self.clock(),
            runtime=RUNTIME,
            server_version="fake 1.0",
            artifacts=tuple(artifacts),
            content=_content(directory, self.data[volume.name]),
            warnings=self.warnings,
        )

    def rehearse(self, record: DumpRecord, directory: Path, platform: Platform) -> FilesContent:
        """Read a restored volume's files; see ``Driver.rehearse``."""
        assert record.runtime is not None
        with platform.throwaway(record.service, record.runtime):
            if self.rehearse_errors[record.volume]:
                raise self.rehearse_errors[record.volume].pop(0)
            return self.restore(_content(directory, [a.path for a in record.artifacts]))


def _content(directory: Path, names: list[str] | dict[str, bytes]) -> FilesContent:
    contents = {name: (directory / name).read_bytes() for name in sorted(names)}
    return FilesContent(
        entries=tuple(
            FileEntry(
                path=name,
                kind="file",
                size_bytes=len(data),
                mode=0o600,
                owner="0:0",
                content=hashlib.sha256(data).hexdigest(),
            )
            for name, data in contents.items()
        )
    )
