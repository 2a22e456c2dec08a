"""The faults that no engine has to know of: of the repository, its key, and whose dump it is."""

from __future__ import annotations

import re
from pathlib import Path

from alt_backup_assets.dumps.planting import Sound, flip_byte
from alt_backup_assets.errors import DrillError
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.self_test.bench import Bench, new_password

PACK_BYTE_FLIPPED = "pack_byte_flipped"
WRONG_KEY = "wrong_key"
DUMPS_SWAPPED = "dumps_swapped"
FAULTS: tuple[str, ...] = (PACK_BYTE_FLIPPED, WRONG_KEY, DUMPS_SWAPPED)

_NONCE_BYTES = 16
"""A pack begins with the nonce of its first blob; behind it are encrypted bytes.
Source: restic's design document, "Pack Format"."""

_PACK_SAYS = "ciphertext verification failed"
_KEY_SAYS = "the password file does not open the repository"


def flipped_pack(bench: Bench, volume: str, snapshot: Snapshot) -> tuple[Proof, str]:
    """Drill a sound snapshot while a byte of the largest pack is another one.

    The repository must hold nothing but this snapshot, so that the pack is needed. restic's
    cache is not used: it would answer in the pack's place.

    Returns:
        The proof, and what it must say.
    """
    packs = sorted((Path(bench.place.url) / "data").rglob("*"), key=_file_bytes)
    if not packs or not _file_bytes(packs[-1]):
        raise DrillError("the scratch repository holds no pack")
    pack = packs[-1]
    pack.chmod(0o600)
    flip_byte(pack, _NONCE_BYTES + 1)
    try:
        uncached = bench.repository(cache="cache-of-its-own")
        return bench.drill(volume, snapshot, uncached), _PACK_SAYS
    finally:
        flip_byte(pack, _NONCE_BYTES + 1)


def wrong_key(bench: Bench, volume: str, snapshot: Snapshot) -> tuple[Proof, str]:
    """Drill a sound snapshot with a password that is not the repository's.

    Returns:
        The proof, and what it must say.
    """
    other = new_password(bench.room / "another-password")
    place = bench.place.model_copy(update={"password_file": other})
    return bench.drill(volume, snapshot, bench.repository(place)), _KEY_SAYS


def swapped(bench: Bench, sound: Sound, other: Target) -> tuple[Proof, str]:
    """Drill a snapshot of another volume that holds this volume's dump.

    Returns:
        The proof, and what it must say.
    """
    claimed = other.snapshot
    snapshot = bench.save(sound.directory, claimed.tags, claimed.time)
    says = f"the snapshot is of volume {other.volume}, the dump in it of {sound.record.volume}"
    return bench.drill(other.volume, snapshot), f"^{re.escape(says)}$"


def _file_bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
