"""Where the chains of proofs end: what is published so that a chain that was cut shows.

Values only; ``ledger`` takes them from its files and compares them again.
"""

from __future__ import annotations

import hashlib

from pydantic import Field

from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.values import Frozen

_HEAD = "head:"
_HEAD_DIGITS = 32


class Head(Frozen):
    """The end of one volume's chain.

    Attributes:
        volume: Whose.
        length: How many proofs it has.
        sha256: Hash of the last one's line.
    """

    volume: str
    length: int = Field(ge=1)
    sha256: str


class Published(Frozen):
    """The ends of all chains when the ledger went into the repository."""

    heads: tuple[Head, ...]

    @property
    def tag(self) -> str:
        """The tag of the ledger's snapshot that stands for all of it."""
        return _HEAD + line_hash(self.model_dump_json().encode())[:_HEAD_DIGITS]


def head_tag(snapshot: Snapshot) -> str | None:
    """Return the tag a ledger's snapshot was published with; None before there were any."""
    return next((tag for tag in snapshot.tags if tag.startswith(_HEAD)), None)


def line_hash(line: bytes) -> str:
    """Return the hash that the next line of a chain begins with."""
    return hashlib.sha256(line).hexdigest()
