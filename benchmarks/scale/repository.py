"""Thousands of snapshots in a real restic repository, in seconds.

A backup by restic itself costs a second for its key alone. So restic makes the repository and one
snapshot, and the files of the others are written here as restic would write them, with the
repository's own key. restic's ``check`` tells afterwards whether they are sound.

Source: restic's design document, "Keys, Encryption and MAC" and "Snapshots".
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.poly1305 import Poly1305

_NONCE_BYTES = 16


@dataclass(frozen=True)
class MasterKey:
    """The key everything in one repository is encrypted and signed with.

    Attributes:
        encrypt: Of AES-256 in counter mode.
        k: Of the AES that makes a nonce into the second half of the one-time key.
        r: The first half of the one-time key.
    """

    encrypt: bytes
    k: bytes
    r: bytes

    def seal(self, text: bytes) -> bytes:
        """Return nonce, encrypted text and signature, as a file of the repository has them."""
        nonce = os.urandom(_NONCE_BYTES)
        encryptor = Cipher(AES(self.encrypt), CTR(nonce)).encryptor()
        sealed = encryptor.update(text) + encryptor.finalize()
        once = Cipher(AES(self.k), ECB()).encryptor()  # noqa: S305 -- one block, as Poly1305-AES says
        return nonce + sealed + Poly1305.generate_tag(self.r + once.update(nonce), sealed)


@dataclass(frozen=True)
class Wanted:
    """A snapshot that is to be there.

    Attributes:
        path: What it is of.
        tags: Its tags.
        taken_at: Data time, aware UTC.
        original: For a copy, the id of the snapshot it is of.
    """

    path: str
    tags: Sequence[str]
    taken_at: datetime
    original: str | None = None


class Repository:
    """One repository, by its directory.

    Args:
        binary: The restic program.
        directory: The repository.
        password_file: What opens it.
        cache_dir: restic's cache.
    """

    def __init__(self, binary: Path, directory: Path, password_file: Path, cache_dir: Path) -> None:
        self.directory = directory
        self._common = (
            *(str(binary), "--repo", str(directory), "--password-file", str(password_file)),
            *("--cache-dir", str(cache_dir), "--json"),
        )

    def restic(self, *arguments: str) -> bytes:
        """Run restic to its end and return what it says.

        Raises:
            CalledProcessError: It failed.
        """
        return subprocess.run((*self._common, *arguments), check=True, capture_output=True).stdout

    def key(self) -> MasterKey:
        """Return the repository's own key."""
        found = json.loads(self.restic("cat", "masterkey"))
        part = base64.b64decode
        mac = found["mac"]
        return MasterKey(part(found["encrypt"]), part(mac["k"]), part(mac["r"]))

    def tree(self) -> str:
        """Return the content of the one snapshot there is."""
        (snapshot,) = json.loads(self.restic("snapshots"))
        return str(snapshot["tree"])

    def write(self, wanted: Sequence[Wanted], *, host: str, total_bytes: int) -> list[str]:
        """Write snapshots that all hold the tree of the one there is.

        Args:
            wanted: The snapshots.
            host: restic's host.
            total_bytes: Size every one of them tells.

        Returns:
            Their ids, in the same order.
        """
        key, tree = self.key(), self.tree()
        ids = []
        for snapshot in wanted:
            text = json.dumps(_content(snapshot, tree, host, total_bytes)).encode()
            sealed = key.seal(text)
            name = hashlib.sha256(sealed).hexdigest()
            (self.directory / "snapshots" / name).write_bytes(sealed)
            ids.append(name)
        return ids


def _content(snapshot: Wanted, tree: str, host: str, total_bytes: int) -> dict[str, object]:
    moment = snapshot.taken_at.isoformat().replace("+00:00", "Z")
    counts = dict.fromkeys(("files_new", "files_changed", "files_unmodified"), 1)
    return {
        "time": moment,
        "tree": tree,
        "paths": [snapshot.path],
        "hostname": host,
        "username": "root",
        "tags": list(snapshot.tags),
        "program_version": "restic 0.18.0",
        "summary": {
            "backup_start": moment,
            "backup_end": moment,
            **counts,
            "total_files_processed": 2,
            "total_bytes_processed": total_bytes,
        },
        **({"original": snapshot.original} if snapshot.original else {}),
    }
