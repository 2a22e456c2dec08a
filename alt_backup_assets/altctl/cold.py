"""A stopped PostgreSQL as a backup of the former kind, for the day on which it cannot be started.

What is written is read by the same ``list``, ``verify`` and ``restore`` as the old ones. Keep
out: whether the files may be copied (``dumps.postgresql.cold_copy``).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from alt_backup_assets.altctl.manifest import MANIFEST, TAR, Manifest, OldVolume
from alt_backup_assets.altctl.restore import appearing, require_free
from alt_backup_assets.altctl.verify import Verified, verify
from alt_backup_assets.dumps.postgresql.cold_copy import cold_copy
from alt_backup_assets.errors import OldBackupError
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

_TAR_TYPE = {"type": 1, "type_string": "tar"}
_NO_CHECKSUM = "sha256:" + "0" * 64


def write_cold(volume: Volume, platform: Platform, target: Path, now: datetime) -> Verified:
    """Copy the files of a stopped PostgreSQL into a backup directory, and verify that.

    Args:
        volume: The registry's entry.
        platform: Where it is.
        target: A directory that is empty or not there; it appears when it was verified.
        now: The time, aware.

    Returns:
        How the new backup was found; it is GOOD.

    Raises:
        DumpFailed: The files may not be copied, or the disk did not take them.
        RestoreRefused: The target is not free.
        OldBackupError: What was written is not sound; no server would start from it.
    """
    require_free(target)
    with appearing(target) as directory:
        (directory / "volumes").mkdir(mode=0o700)
        filename = f"volumes/{volume.name}{TAR}"
        artifact = cold_copy(volume, platform, directory / filename)
        old = OldVolume(
            name=volume.name,
            filename=filename,
            size=artifact.size_bytes,
            checksum=f"sha256:{artifact.sha256}",
            service=volume.service,
            backed_up_at=now,
        )
        _write_manifest(directory / MANIFEST, old, now)
        verified = verify(directory)
        if verified.verdict != "GOOD":
            problems = (*verified.problems, *(p for v in verified.volumes for p in v.problems))
            raise OldBackupError("; ".join(problems))
    return verified.model_copy(update={"directory": str(target)})


def _write_manifest(path: Path, volume: OldVolume, now: datetime) -> None:
    made = Manifest(version="1.0", created_at=now, volumes=(volume,), checksum=_NO_CHECKSUM)
    content = made.model_dump(mode="json") | {
        "altctl_version": "alt-backup",
        "volumes": [volume.model_dump(mode="json") | _TAR_TYPE],
        "checksum": made.computed_checksum,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
