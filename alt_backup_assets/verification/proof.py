"""The result of a restore drill, as a value that is kept for ever.

A proof speaks of one snapshot. PROVEN means: it was restored from a repository into a
throw-away target and everything recorded at the source came back equal. Everything else,
whatever kept the drill from its end, is FAILED.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.platforms.seam import Runtime
from alt_backup_assets.values import Frozen

Verdict = Literal["PROVEN", "FAILED"]
Source = Literal["local", "offsite"]

TABLE_ROWS = 50


class ProofSummary(Frozen):
    """What a verdict is judged by: all that is read of every proof there ever was.

    Attributes:
        volume: Whose snapshot.
        snapshot: Its id in the local repository, also when an offsite copy was drilled.
        source: The repository it was restored from.
        verdict: PROVEN or FAILED.
        differences: Why it failed, in sentences; empty where it did not.
        undecided: Whether it failed of the machine, so that it says nothing of the snapshot.
        taken_at: Data time of the snapshot.
        drilled_at: When the drill ended.
        phases: Seconds per phase, such as ``fetch`` and ``restore``.
    """

    # Of the thousands of lines of a ledger the details are passed over, which is seven times as
    # fast; a whole ``Proof`` has no unknown fields.
    model_config = ConfigDict(extra="ignore")

    volume: str
    snapshot: str
    source: Source
    verdict: Verdict
    differences: tuple[str, ...]
    undecided: bool = False
    taken_at: AwareDatetime
    drilled_at: AwareDatetime
    phases: dict[str, float]

    @property
    def duration_seconds(self) -> float:
        """The time of the whole drill."""
        return round(sum(self.phases.values()), 3)


class Proof(ProofSummary):
    """What one drill found, with what was compared and by which programs.

    Attributes:
        counts: How much was compared.
        compared: The largest lines of the comparison, differing ones first.
        dump_id: The dump; None where its record could not be read.
        runtime: The program files it was restored with.
        server_version: What the record says the source was.
        record_sha256: Hash of the dump's record; None where it could not be read.
        dump_sha256: Hash over the paths and hashes of the dump's files, as recorded; None for
            plain files, whose hashes are the content.
        fingerprint: Hash of the recorded content that came back equal, or did not.
        tools: The versions of our own tools, by name; empty in proofs made before they were kept.
    """

    model_config = ConfigDict(extra="forbid")

    counts: dict[str, int]
    compared: tuple[Compared, ...] = ()
    dump_id: str | None = None
    runtime: Runtime | None = None
    server_version: str = ""
    record_sha256: str | None = None
    dump_sha256: str | None = None
    fingerprint: str | None = None
    tools: dict[str, str] = Field(default_factory=dict)


def failed_drills(proofs: Iterable[ProofSummary]) -> tuple[ProofSummary, ...]:
    """Return the newest drill of each repository, where that failed.

    A good drill of one repository says nothing of the damage that was found in the other.

    Args:
        proofs: Of one volume, oldest first.
    """
    newest = {proof.source: proof for proof in proofs}
    return tuple(proof for proof in newest.values() if proof.verdict == "FAILED")


def worth_showing(compared: tuple[Compared, ...]) -> tuple[Compared, ...]:
    """Return the lines a person looks at first: differing ones, then the largest."""
    ordered = sorted(compared, key=lambda line: (line.equal, -line.recorded, line.name))
    return tuple(ordered[:TABLE_ROWS])
