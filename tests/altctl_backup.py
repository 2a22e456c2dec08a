"""Writes the directories the former ``altctl`` left behind, for the tests.

One manifest, and a file per volume as busybox's tar and pg_dump make them. Keep out: reading.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.fakes.pgarchive import Builder

CREATED = "2026-02-27T18:00:00.123456789Z"
MEMBERS = {"token.json": b'{"refresh_token": "protects nothing"}\n', "deep/er/notes": b"x" * 5000}
PGDATA = {
    "PG_VERSION": b"17\n",
    "base/1/PG_VERSION": b"17\n",
    "global/pg_control": b"\0" * 8192,
    "pg_wal/000000010000000000000001": b"\0" * 4096,
}

Fields = dict[str, Any]


def tar_gz(members: Mapping[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    """Return an archive as ``tar czf - -C /data .`` writes it: every path begins with ``./``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        above = {str(p) for name in members for p in Path(name).parents}
        for name in ("./", *sorted(f"./{each}" for each in above if each != ".")):
            archive.addfile(_member(name, tarfile.DIRTYPE, 0o755))
        for name, content in members.items():
            member = _member(f"./{name}", tarfile.REGTYPE, 0o640)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in extra:
            archive.addfile(member)
    return out.getvalue()


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """Return a member that is a link."""
    member = _member(name, kind, 0o777)
    member.linkname = to
    return member


def write_backup(
    directory: Path,
    files: Mapping[str, bytes] | None = None,
    *,
    change: Callable[[Fields], object] = lambda _manifest: None,
) -> Path:
    """Write a backup.

    Args:
        directory: Made, with everything in it.
        files: Content by file name, such as ``tokens.tar.gz``; None for a tar and a dump.
        change: Changes the manifest after it was made.

    Returns:
        The directory.
    """
    given = files
    if given is None:
        given = {"tokens.tar.gz": tar_gz(MEMBERS), "recap_db_data.dump": Builder().archive()}
    (directory / "volumes").mkdir(parents=True)
    volumes = []
    for name, content in given.items():
        (directory / "volumes" / name).write_bytes(content)
        volumes.append(_entry(name, content))
    manifest: Fields = {
        "version": "1.0",
        "created_at": CREATED,
        "altctl_version": "0.9.1",
        "volumes": volumes,
        "checksum": overall(volumes),
    }
    change(manifest)
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2))
    return directory


def overall(volumes: list[Fields]) -> str:
    """Return the overall checksum of entries."""
    digest = hashlib.sha256()
    for volume in volumes:
        digest.update(volume["name"].encode())
        digest.update(volume["checksum"].encode())
    return f"sha256:{digest.hexdigest()}"


def _entry(name: str, content: bytes) -> Fields:
    is_tar = name.endswith(".tar.gz")
    volume = name.removesuffix(".tar.gz").removesuffix(".dump")
    return {
        "name": volume,
        "type": 1 if is_tar else 0,
        "type_string": "tar" if is_tar else "postgresql",
        "filename": f"volumes/{name}",
        "size": len(content),
        "checksum": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "service": volume.split("_")[0],
        "backed_up_at": CREATED,
    }


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member
