"""Brings an archive into a running service, piece by piece: it is never whole in memory.

Where an engine has no place of its own for it, it gets a private directory of a fixed name, so
that what a killed run left is removed by the next one. The caller holds the volume's lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolError
from alt_backup_assets.platforms.seam import Service

_PIECE_BYTES = 8 << 20
_SECONDS = 300.0


def send(service: Service, source: Path, path: str, *, timeout_seconds: float) -> None:
    """Append a file to one in the service, which is made where it is not there.

    Args:
        service: Takes it.
        source: The file on this machine.
        path: Where it goes in the service.
        timeout_seconds: How long one piece may take.

    Raises:
        ToolError: A piece was not taken.
        PlatformError: The service went away.
    """
    with source.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            # tee says again what it is given, and nobody wants to keep that
            service.run(
                ["tee", "-a", path], timeout_seconds=timeout_seconds, stdin=piece, stdout=len
            )


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
            send(self._service, source, path, timeout_seconds=_SECONDS)
            if self._run(["sha256sum", path])[:64].decode() != sha256:
                raise RestoreFailed(
                    f"{source.name} did not arrive in {self._service.label} as it is here; nothing"
                    " of it was loaded: look at the free space of /tmp there"
                )
            yield path
        finally:
            with suppress(ToolError, PlatformError):  # the directory goes in the end anyway
                self._run(["rm", "-f", path])

    def _run(self, argv: list[str]) -> bytes:
        return self._service.run(argv, timeout_seconds=_SECONDS)


@contextmanager
def upload(service: Service, name: str) -> Iterator[Upload]:
    """Make the private directory; leaving the context removes it.

    Args:
        service: Where it is made.
        name: Tells it from those of other volumes and purposes.

    Raises:
        ToolError: It could not be made.
    """
    directory = f"/tmp/alt-backup-{name.replace('/', '_')}"  # noqa: S108 -- mkdir refuses what is there
    remove = ["rm", "-rf", directory]
    service.run(remove, timeout_seconds=_SECONDS)
    service.run(["mkdir", "-m", "700", directory], timeout_seconds=_SECONDS)
    try:
        yield Upload(service, directory)
    finally:
        with suppress(ToolError, PlatformError):  # the next load removes it first
            service.run(remove, timeout_seconds=_SECONDS)
