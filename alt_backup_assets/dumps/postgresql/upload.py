"""Brings an archive into a running service, piece by piece: it is never whole in memory.

It gets a private directory of a fixed name, so that what a killed run left is removed by the
next one. The caller holds the volume's lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolError
from alt_backup_assets.platforms.seam import Service

_PIECE_BYTES = 8 << 20
_SECONDS = 300.0


class Upload:
    """A private directory in the service."""

    def __init__(self, service: Service, directory: str) -> None:
        self._service = service
        self._directory = directory

    @contextmanager
    def file(self, source: Path, sha256: str) -> Iterator[str]:
        """Bring one file there, for as long as it is needed.

        Args:
            source: The file on this machine.
            sha256: Of all its bytes; what arrived is compared with it.

        Yields:
            Its path in the service.

        Raises:
            RestoreFailed: Something else arrived.
        """
        path = f"{self._directory}/archive"
        try:
            with source.open("rb") as stream:
                while piece := stream.read(_PIECE_BYTES):
                    self._run(["tee", "-a", path], piece)
            if self._run(["sha256sum", path])[:64].decode() != sha256:
                raise RestoreFailed(
                    f"{source.name} did not arrive in {self._service.label} as it is here; nothing"
                    " of it was loaded: look at the free space of /tmp there"
                )
            yield path
        finally:
            with suppress(ToolError, PlatformError):  # the directory goes in the end anyway
                self._run(["rm", "-f", path])

    def _run(self, argv: list[str], stdin: bytes = b"") -> bytes:
        # tee says again what it is given: only a hash's line is worth keeping
        kept: list[bytes] = []
        sink = kept.append if not stdin else len
        self._service.run(argv, timeout_seconds=_SECONDS, stdin=stdin, stdout=sink)
        return b"".join(kept)


@contextmanager
def upload(service: Service, record: DumpRecord) -> Iterator[Upload]:
    """Make the private directory; leaving the context removes it.

    Raises:
        ToolError: It could not be made.
    """
    name = f"{record.platform}-{record.volume}".replace("/", "_")
    directory = f"/tmp/alt-backup-load-{name}"  # noqa: S108 -- mkdir refuses what is there
    remove = ["rm", "-rf", directory]
    service.run(remove, timeout_seconds=_SECONDS)
    service.run(["mkdir", "-m", "700", directory], timeout_seconds=_SECONDS)
    try:
        yield Upload(service, directory)
    finally:
        with suppress(ToolError, PlatformError):  # the next load removes it first
            service.run(remove, timeout_seconds=_SECONDS)
