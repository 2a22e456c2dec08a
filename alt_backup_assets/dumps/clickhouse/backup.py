"""ClickHouse's own BACKUP into its disk ``backups``: one archive, streamed out and removed.

Source: ClickHouse documentation, "Backup and restore" (disks, ASYNC, ``system.backups``).
"""

from __future__ import annotations

import gzip
import os
import posixpath
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import AltBackupError, DumpFailed
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.clickhouse import HTTP_PORT, Row, Server, name, text
from alt_backup_assets.tools.http import HttpService, read_secret

_POLL_SECONDS = 0.5
_PIECE_BYTES = 1 << 20
_SAID_CHARACTERS = 500
CONFIG = """\
<clickhouse>
  <storage_configuration><disks>
    <backups><type>local</type><path>{path}</path></backups>
  </disks></storage_configuration>
  <backups>
    <allowed_disk>backups</allowed_disk><allowed_path>{path}</allowed_path>
  </backups>
</clickhouse>
"""


def server(volume: Volume, service: Service) -> Server:
    """Return the HTTP interface of a volume's server.

    Raises:
        ConfigurationError: The password file cannot be used.
        ServiceNotFound: The service has no address.
    """
    headers = {"X-ClickHouse-User": os.environ.get("CLICKHOUSE_USER") or str(volume.user)}
    if (password := read_secret(volume.password_file)) is not None:
        headers["X-ClickHouse-Key"] = password
    url = volume.url or f"http://{service.address}:{HTTP_PORT}"
    return Server(HttpService(service.label, url, headers), volume.timeout_minutes * 60.0)


def directory_of_backups(source: Server) -> str:
    """Return where the disk ``backups`` is inside the service.

    Raises:
        DumpFailed: There is none; the message has what to add.
    """
    found = source.ask("SELECT path FROM system.disks WHERE name = 'backups'")
    if not found:
        raise DumpFailed(
            f"{source.http.label} has no disk `backups`: add this to its config.d, with /backups/"
            f" on a volume of its own, and restart it:\n{CONFIG.format(path='/backups/')}"
        )
    return str(found[0]["path"])


def remove_leftovers(volume: Volume, service: Service, directory: str) -> None:
    """Remove the archives that a run of ours left behind when it was killed."""
    ours = ["-name", f"alt-backup={volume.name}=*.tar.gz*", "-type", "f"]
    find = ["find", directory, "-maxdepth", "1", *ours, "-delete"]
    service.run(find, timeout_seconds=volume.timeout_minutes * 60.0)


def archive_of(database: str) -> str:
    """Return the name of a database's archive in the dump."""
    return f"{database.replace('/', '_')}.tar.gz"


def dump_database(
    source: Server, volume: Volume, service: Service, disk: str, database: str, *, directory: Path
) -> Artifact:
    """Back a database up and stream its archive into a directory.

    Raises:
        DumpFailed: ClickHouse says so, its state is unknown, or the archive is not whole.
        ToolTimeout: It was not ready in time.
    """
    with archive_in_service(volume, service, disk) as (file, path):
        size_bytes = _back_up(source, database, file)
        with writing(directory / archive_of(database)) as out:
            service.run(["cat", path], timeout_seconds=source.timeout_seconds, stdout=out.write)
    if out.artifact.size_bytes != size_bytes:
        raise DumpFailed(
            f"the archive of {database} has {out.artifact.size_bytes} bytes,"
            f" ClickHouse wrote {size_bytes}"
        )
    _require_whole(directory / archive_of(database))
    return out.artifact


@contextmanager
def archive_in_service(volume: Volume, service: Service, disk: str) -> Iterator[tuple[str, str]]:
    """Hand out the name and the path of an archive on the disk, and remove it in any case."""
    file = f"alt-backup={volume.name}={uuid.uuid4().hex}.tar.gz"
    path = posixpath.join(disk, file)
    try:
        yield file, path
    except BaseException:
        with suppress(AltBackupError):  # what went wrong before is what must be said
            service.run(["rm", "-f", path], timeout_seconds=60)
        raise
    service.run(["rm", "-f", path], timeout_seconds=60)


def _back_up(source: Server, database: str, file: str) -> int:
    where = f"Disk('backups', {text(file)})"
    (started,) = source.ask(f"BACKUP DATABASE {name(database)} TO {where} ASYNC")
    deadline = time.monotonic() + source.timeout_seconds
    asked = f"SELECT * FROM system.backups WHERE id = {text(str(started['id']))}"
    while True:
        row = _one(source.ask(asked), database)
        if row["status"] == "BACKUP_CREATED":
            return int(str(row["compressed_size"]))
        if row["status"] != "CREATING_BACKUP":
            said = str(row.get("error", ""))[:_SAID_CHARACTERS] or "it said nothing"
            raise DumpFailed(f"ClickHouse's BACKUP of {database}: {row['status']}: {said}")
        if time.monotonic() > deadline:
            raise DumpFailed(
                f"ClickHouse's BACKUP of {database} was not ready within"
                f" {source.timeout_seconds:g} s; set timeout_minutes higher"
            )
        time.sleep(_POLL_SECONDS)


def _one(rows: list[Row], database: str) -> Row:
    if len(rows) != 1:
        raise DumpFailed(
            f"ClickHouse no longer knows its BACKUP of {database}: did the server restart?"
        )
    return rows[0]


def _require_whole(archive: Path) -> None:
    try:
        with gzip.open(archive) as stream:
            while stream.read(_PIECE_BYTES):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise DumpFailed(f"{archive.name} is not a whole tar.gz: {error}") from None
