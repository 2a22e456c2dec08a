"""A dump of the former system, loaded into the running server it came from.

It goes in as one transaction: the database is replaced as a whole, or stays as it was. Keep out:
deciding whether it may be done (``old_backups``).
"""

from __future__ import annotations

from alt_backup_assets.altctl.manifest import OldBackup, OldVolume
from alt_backup_assets.dumps.postgresql.server import Server
from alt_backup_assets.dumps.postgresql.wait import wait
from alt_backup_assets.dumps.upload import upload
from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolError
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.tools import postgresql


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
            upload(service, f"old-{site.name}-{volume.name}") as place,
            place.file(backup.file(old), sha256) as path,
        ):
            server.end_connections(database)
            server.run(postgresql.pg_restore_into(server.user, database, path, clean=True))
    except (ToolError, PlatformError) as error:
        raise RestoreFailed(
            f"{volume.name}: {old.filename} was not loaded, and {database} is as it was, unless"
            f" the server lost us at the very end: {error}"
        ) from error
