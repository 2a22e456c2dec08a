"""The files of a PostgreSQL that stands still and cannot be asked for a dump, as a ``.tar.gz``.

Allowed only where the server was shut down in good order: then its files are consistent, and
``pg_wal`` is among them. The state is read from ``global/pg_control``, as pg_controldata does,
because a stopped service has no place to run that program in.

Source: src/include/catalog/pg_control.h (ControlFileData, DBState), PostgreSQL 13 to 18.
"""

from __future__ import annotations

import struct
import tarfile
from pathlib import Path
from typing import BinaryIO, cast

from alt_backup_assets.dumps.artifact import writing
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

_CONTROL = "global/pg_control"
_DEPTHS = ("", "*/", "*/*/")  # the image of 18 and later has 18/docker in its volume
_HEAD = "=QIII"  # system identifier, version of the file, of the catalogue, state
_VERSIONS = (1300, 1700, 1800)
_SHUT_DOWN = 1


def require_shut_down(volume: Volume, platform: Platform) -> Path:
    """Check that the volume of a PostgreSQL may be copied as files.

    Returns:
        Where the volume is.

    Raises:
        DumpFailed: It is no PostgreSQL's, the service runs, or it was not shut down in good
            order.
        VolumeUnreadable: The volume cannot be read from here.
        ServiceNotFound: The platform has no such service.
    """
    if volume.engine != "postgresql":
        raise DumpFailed(f"{volume.name} is no PostgreSQL volume: a cold copy is for those only")
    if platform.is_running(volume.service) is not False:
        raise DumpFailed(
            f"{volume.service} runs, or nothing here tells that it does not: take a dump, or"
            " stop it first"
        )
    place = platform.volume_path(volume.name, volume.service)
    _control(place)
    return place


def cold_copy(volume: Volume, platform: Platform, path: Path) -> Artifact:
    """Write the files of a stopped PostgreSQL as ``tar czf <path> -C <volume> .`` does.

    Args:
        volume: The registry's entry.
        platform: Where it is.
        path: Not there yet; what is written after a failure is not to be used.

    Returns:
        The file, with its hash.

    Raises:
        DumpFailed: See ``require_shut_down``; or the server was started meanwhile.
        VolumeUnreadable: The volume cannot be read from here.
    """
    place = require_shut_down(volume, platform)
    before = _control(place)
    with writing(path) as out:
        stream = cast("BinaryIO", out)  # all that is called is write
        with tarfile.open(fileobj=stream, mode="w|gz", format=tarfile.GNU_FORMAT) as archive:
            archive.add(place, arcname=".")
    if _control(require_shut_down(volume, platform)) != before:
        raise DumpFailed(f"{volume.service} was started while its files were copied")
    return out.artifact


def _control(place: Path) -> bytes:
    """Return the control file of the one cluster in a volume that was shut down.

    Raises:
        DumpFailed: There is none, there are several, or the server was not shut down.
    """
    found = [path for depth in _DEPTHS for path in place.glob(depth + _CONTROL)]
    if len(found) != 1:
        raise DumpFailed(f"{place} holds {len(found)} PostgreSQL data directories, not one")
    try:
        content = found[0].read_bytes()
    except OSError as error:
        raise DumpFailed(f"{found[0]} cannot be read: {error.strerror}") from error
    if len(content) < struct.calcsize(_HEAD):
        raise DumpFailed(f"{found[0]} is cut short")
    _identifier, version, _catalogue, state = struct.unpack_from(_HEAD, content)
    if version not in _VERSIONS:
        raise DumpFailed(f"{found[0]} is of version {version}, which is unknown")
    if state != _SHUT_DOWN:
        raise DumpFailed(
            f"the PostgreSQL in {place} was not shut down in good order (state {state}): start it"
            " and stop it again, or take a dump"
        )
    return content
