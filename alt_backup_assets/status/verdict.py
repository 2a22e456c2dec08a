"""The rules of the verdict, and nothing that reads.

Source: SPEC section 7; decision record, work package 6. The age that counts is that of the
data, so a re-copied old dump is not fresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alt_backup_assets.registry.volume import RecoveryPointObjective, Volume
from alt_backup_assets.status.report import Verdict, worst
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.proof import ProofSummary, failed_drills

PROOF_MAX_AGE = timedelta(days=8)
_SAID_IN_DAYS = timedelta(days=4)

Finding = tuple[Verdict, str]


@dataclass(frozen=True)
class Evidence:
    """What was read about one volume.

    Attributes:
        volume: The registry's entry.
        local: Its snapshots in the local repository, oldest data first; None where that
            cannot be read, so that nothing is known.
        offsite: Its snapshots in the offsite repository, oldest data first; None where that
            cannot be read.
        proofs: Its drills, oldest first, the last one a whole ``Proof``; none where they cannot
            be believed.
        damage: What is wrong with its dumps on disk, or with its ledger, in sentences.
        warned: What the engine's driver warned of when it took the newest dump.
        newest_of_all: Data time of the newest snapshot of any volume.
        dumped: Backup days of its dumps on disk.
        proofs_known: Whether its proofs can be read and believed.
    """

    volume: Volume
    local: Sequence[Snapshot] | None
    offsite: Sequence[Snapshot] | None
    proofs: Sequence[ProofSummary]
    damage: tuple[str, ...]
    warned: tuple[str, ...]
    newest_of_all: datetime | None
    dumped: frozenset[date] = frozenset()
    proofs_known: bool = True

    @property
    def is_missing(self) -> bool:
        """Whether the newest set of snapshots was made without this volume."""
        if not self.local or not self.newest_of_all:
            return True
        return self.newest_of_all - self.local[-1].time > self.volume.rpo.warn

    @property
    def newest_proven(self) -> ProofSummary | None:
        """The proof of the newest data that was proven and can still be restored."""
        kept = {snapshot.lineage for snapshot in self.local or ()}
        proven = [p for p in self.proofs if p.verdict == "PROVEN" and p.snapshot in kept]
        return max(proven, key=lambda proof: (proof.taken_at, proof.drilled_at), default=None)

    @property
    def newest_proven_offsite(self) -> ProofSummary | None:
        """The newest proof that was made from the offsite repository."""
        made = [p for p in self.proofs if p.verdict == "PROVEN" and p.source == "offsite"]
        return made[-1] if made else None

    @property
    def is_proven(self) -> bool:
        """Whether the newest snapshot itself has a proof."""
        proven = self.newest_proven
        return bool(self.local and proven and proven.snapshot == self.local[-1].lineage)


def judge(evidence: Evidence, now: datetime) -> tuple[Verdict, tuple[str, ...]]:
    """Judge one volume.

    Args:
        evidence: What was read about it.
        now: Aware time its ages count to.

    Returns:
        The worst that applies, and a sentence for each thing that does.
    """
    if evidence.local is None:
        return "CRITICAL", ("nothing is known of it: the local repository cannot be read",)
    if not evidence.local:
        return "CRITICAL", ("there is no snapshot at all",)
    found: list[Finding] = [
        *_age(evidence.local[-1].time, evidence.volume.rpo, now),
        *_newest_drill(evidence),
        *_proof_age(evidence, now),
        *_damage(evidence),
    ]
    if evidence.is_missing:
        found.append(("WARNING", "it is missing from the newest set of snapshots"))
    verdicts: list[Verdict] = ["GOOD", *(verdict for verdict, _ in found)]
    return worst(verdicts), tuple(sentence for _, sentence in found)


def _age(data_time: datetime, rpo: RecoveryPointObjective, now: datetime) -> list[Finding]:
    age = now - data_time
    if age > rpo.fail:
        return [("CRITICAL", f"the newest data is {hours(age)} old, over {hours(rpo.fail)}")]
    if age > rpo.warn:
        return [("WARNING", f"the newest data is {hours(age)} old, over {hours(rpo.warn)}")]
    if age < timedelta(minutes=-5):
        return [("WARNING", f"the newest data is {hours(-age)} in the future: check the clock")]
    return []


def _damage(evidence: Evidence) -> list[Finding]:
    return [("WARNING", sentence) for sentence in (*evidence.damage, *evidence.warned)]


def _newest_drill(evidence: Evidence) -> list[Finding]:
    return [("CRITICAL", _failure(failed)) for failed in failed_drills(evidence.proofs)]


def _failure(failed: ProofSummary) -> str:
    where = " from offsite" if failed.source == "offsite" else ""
    why = "; ".join(failed.differences[:3])
    return f"the newest drill{where}, of {failed.snapshot[:8]}, failed: {why}"


def _proof_age(evidence: Evidence, now: datetime) -> list[Finding]:
    if not evidence.proofs_known:
        return [("CRITICAL", "whether it restores is unknown: its proofs cannot be believed")]
    proven = evidence.newest_proven
    if proven is None:
        return [("WARNING", "no snapshot of it that is kept was proven by a drill")]
    age = now - proven.drilled_at
    if age > PROOF_MAX_AGE:
        return [("WARNING", f"the newest proof is {hours(age)} old, over {hours(PROOF_MAX_AGE)}")]
    return []


def hours(age: timedelta) -> str:
    """Return a duration as an operator says it."""
    if age < _SAID_IN_DAYS:
        return f"{age / timedelta(hours=1):.1f} h"
    return f"{age / timedelta(days=1):.1f} d"
