"""A volume of plain files, on the real disk, and the driver's dump of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.tree import TREE
from alt_backup_assets.registry.volume import Volume
from tests.fakes.platform import FakePlatform

VOLUME = Volume(name="oauth_token_data", service="auth", engine="files", category="data")


@dataclass
class VolumeOfFiles:
    """A volume on the disk, and an empty directory for its dump."""

    source: Path
    directory: Path
    platform: FakePlatform

    def write(self, name: str, data: bytes = b"data", mode: int = 0o640) -> Path:
        """Put a file into the volume."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def dump(self) -> FilesContent:
        """Dump it and return its manifest."""
        content = files.dump(VOLUME, self.platform, self.directory).content
        assert isinstance(content, FilesContent)
        return content

    @property
    def copy(self) -> Path:
        """Where the dump has the files."""
        return self.directory / TREE


def volume_in(directory: Path) -> VolumeOfFiles:
    """Make an empty volume, and an empty directory for its dump."""
    platform = FakePlatform()
    source = platform.volumes[VOLUME.name] = directory / "volume"
    for made in (source, directory / "dump"):
        made.mkdir()
    return VolumeOfFiles(source, directory / "dump", platform)


def entry_of(content: FilesContent, path: str) -> FileEntry:
    """Return the entry of a path."""
    return next(entry for entry in content.entries if entry.path == path)
