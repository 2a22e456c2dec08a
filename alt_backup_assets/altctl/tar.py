"""The ``.tar.gz`` of a whole volume in an old backup: walked to its end, and unpacked.

Keep out: what a backup's manifest says, and how such an archive is read (``tools.targz``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from alt_backup_assets.errors import ArchiveError, OldBackupError
from alt_backup_assets.tools import targz

_SEGMENT_DIGITS = 24


@dataclass(frozen=True)
class TarContent:
    """What is in an archive.

    Attributes:
        entries: Number of its members.
        files_bytes: Size of all its files, unpacked.
        clusters: PostgreSQL data directories in it, each with what keeps a server from starting
            on it; None where nothing does.
    """

    entries: int
    files_bytes: int
    clusters: dict[str, str | None]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why what is in it cannot be used, in sentences."""
        return tuple(problem for problem in self.clusters.values() if problem)


def walk(path: Path) -> TarContent:
    """Read an archive from its first byte to its last.

    Raises:
        OldBackupError: It is cut, damaged, has no end mark, or a member leads outside.
    """
    paths: set[str] = set()
    files_bytes = 0
    try:
        for member in targz.members(path):
            paths.add(member.path)
            files_bytes += member.info.size if member.info.isreg() else 0
    except ArchiveError as error:
        raise OldBackupError(str(error)) from error
    if not paths - {"."}:
        raise OldBackupError(f"{path.name} holds nothing at all")
    return TarContent(len(paths), files_bytes, _clusters(paths))


def unpack(path: Path, directory: Path) -> None:
    """Unpack an archive into an empty directory; see ``targz.unpack``.

    Raises:
        OldBackupError: It cannot be read to its end, a member leads outside, or the disk did
            not take it. What was unpacked until then is still there.
        NotEnoughSpace: There is too little room; nothing was written.
    """
    try:
        targz.unpack(path, directory)
    except ArchiveError as error:
        raise OldBackupError(str(error)) from error


def _clusters(paths: set[str]) -> dict[str, str | None]:
    """Return the PostgreSQL data directories among paths.

    Source: https://www.postgresql.org/docs/17/storage-file-layout.html
    """
    versions = (pure for pure in map(PurePosixPath, sorted(paths)) if pure.name == "PG_VERSION")
    roots = (pure.parent for pure in versions)
    return {
        str(root): _not_starting(root, paths)
        for root in roots
        if {str(root / "base"), str(root / "global")} & paths
    }


def _not_starting(root: PurePosixPath, paths: set[str]) -> str | None:
    where = f"the PostgreSQL data in `{root}`" if root.name else "the PostgreSQL data"
    if str(root / "global" / "pg_control") not in paths:
        return f"{where} will not start (no global/pg_control)"
    wal = root / "pg_wal"
    segments = (p for p in map(PurePosixPath, paths) if p.parent == wal)
    if not any(len(p.name) == _SEGMENT_DIGITS for p in segments):
        return f"{where} will not start (no pg_wal): restore an older or newer backup of it"
    return None
