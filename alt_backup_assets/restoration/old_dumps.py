"""A dump of the former system, loaded into the running server it came from.

It goes in as one transaction: the database is replaced as a whole, or stays as it was. Keep out:
deciding whether it may be done (``old_backups``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alt_backup_assets.altctl.manifest import OldBackup, OldVolume
from alt_backup_assets.dumps.postgresql.server import Server
from alt_backup_assets.dumps.postgresql.upload import Upload
from alt_backup_assets.dumps.postgresql.wait import wait
from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolError
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.tools import postgresql

_SECONDS = 300.0


def load(site: Site, volume: Volume, backup: OldBackup, old: OldVolume) -> None:
    """Load a dump into the one database of a volume; connections to it are ended.

    Args:
        site: Its server must run, or be starting.
        volume: The registry's entry, with exactly one database.
        backup: The old backup.
        old: The dump in it.

    Raises:
        RestoreFailed: The server refused it, or did not come up; the database is as it was.
    """
    database = volume.databases[0]
    try:
        service = site.platform.service(volume.service)
        wait(volume, service)
        server = Server(service, volume)
        server.end_leftovers()
        sha256 = old.checksum.removeprefix("sha256:")
        with (
            _uploading(service, f"{site.name}-{volume.name}") as upload,
            upload.file(backup.file(old), sha256) as path,
        ):
            server.end_connections(database)
            server.run(postgresql.pg_restore_into(server.user, database, path, clean=True))
    except (ToolError, PlatformError) as error:
        raise RestoreFailed(
            f"{volume.name}: {old.filename} was not loaded, and {database} is as it was, unless"
            f" the server lost us at the very end: {error}"
        ) from error


@contextmanager
def _uploading(service: Service, name: str) -> Iterator[Upload]:
    """Make a private directory in the service; leaving the context removes it."""
    directory = f"/tmp/alt-backup-old-{name}"  # noqa: S108 -- mkdir refuses what is there
    remove = ["rm", "-rf", directory]
    service.run(remove, timeout_seconds=_SECONDS)
    service.run(["mkdir", "-m", "700", directory], timeout_seconds=_SECONDS)
    try:
        yield Upload(service, directory)
    finally:
        with suppress(ToolError, PlatformError):  # the next load removes it first
            service.run(remove, timeout_seconds=_SECONDS)
