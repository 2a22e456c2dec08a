"""What is in a volume of plain files, as values that can be compared exactly.

The same value is taken twice: from the source while its bytes are read for the dump, and from
the restored copy. Comparing a restore with the repository's own listing would prove nothing.
"""

from __future__ import annotations

from typing import Literal

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.values import Frozen


class FileEntry(Frozen):
    """One entry of a directory tree.

    Attributes:
        path: Relative to the volume.
        kind: File, directory or symbolic link.
        size_bytes: Length of a file; 0 otherwise.
        mode: Permission bits.
        owner: ``uid:gid``.
        content: sha256 of a file's bytes as they were read, or a link's target.
        changed: It changed while it was read; it is not compared.
    """

    path: str
    kind: Literal["file", "directory", "link"]
    size_bytes: int
    mode: int
    owner: str
    content: str
    changed: bool = False

    def difference(self, restored: FileEntry | None) -> str | None:
        """Return what did not come back, in a sentence; None where all did."""
        if restored is None:
            return f"{self.path} is missing"
        if restored.content != self.content and restored.size_bytes == self.size_bytes:
            return f"{self.path} has other content in its {self.size_bytes} bytes"
        for field in ("kind", "size_bytes", "mode", "owner"):
            before, after = getattr(self, field), getattr(restored, field)
            if before != after:
                return f"{self.path}: {field} is {after}, {before} was recorded"
        return None


class FilesContent(Frozen):
    """A volume as it is: every entry, with the hash of every file.

    Attributes:
        entries: In the order of their paths.
        skipped: Sockets, pipes and devices; they hold no data.
    """

    kind: Literal["files"] = "files"
    entries: tuple[FileEntry, ...]
    skipped: tuple[str, ...] = ()

    def differences(self, restored: FilesContent) -> tuple[str, ...]:
        """Return a sentence for every entry that did not come back as it was."""
        back = {entry.path: entry for entry in restored.entries}
        known = {entry.path for entry in self.entries}
        found = (
            *(
                entry.difference(back.get(entry.path))
                for entry in self.entries
                if not entry.changed
            ),
            *(f"{path} was not in the source" for path in back if path not in known),
        )
        return tuple(sentence for sentence in found if sentence)

    def counts(self) -> dict[str, int]:
        """Return how much there is, for tables and metadata."""
        files = [entry for entry in self.entries if entry.kind == "file"]
        return {
            "files": len(files),
            "bytes": sum(entry.size_bytes for entry in files),
            "changed_while_read": sum(entry.changed for entry in files),
        }

    def compared(self, restored: FilesContent) -> tuple[Compared, ...]:
        """Return a line per file that is compared: its size then and now."""
        back = {entry.path: entry for entry in restored.entries}
        return tuple(
            Compared(
                name=entry.path,
                recorded=entry.size_bytes,
                restored=back[entry.path].size_bytes if entry.path in back else None,
                equal=back.get(entry.path) == entry,
            )
            for entry in self.entries
            if entry.kind == "file" and not entry.changed
        )
