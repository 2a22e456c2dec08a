"""What was proven, as metric families: drills, the ledger, the verifier's own test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily

from alt_backup_assets.signals.arrival import METRIC
from alt_backup_assets.signals.facts import Facts
from alt_backup_assets.signals.gauges import each, family, oldest, one
from alt_backup_assets.verification.proof import ProofSummary

_SEEN: dict[str, float] = {"arrived": 1, "missing": 0}
_HEAD_DIGITS = 12
"""Hexadecimal digits of a chain's head that a float holds exactly."""


def drills(facts: Facts) -> Iterator[GaugeMetricFamily]:
    """Describe the newest drill of every volume."""
    newest = {name: _newest(facts, name) for name in facts.objectives}
    proven = (_newest(facts, name, "PROVEN") for name in facts.objectives)
    drilled = [proof for proof in newest.values() if proof]
    yield one(
        "backup_restore_verify_last_timestamp",
        "When the volume whose newest proof is the oldest was proven; absent while one never was.",
        oldest(proof.drilled_at if proof else None for proof in proven),
    )
    yield one(
        "backup_restore_verify_success",
        "1 where the newest drill of every drilled volume proved it, 0 where one failed; absent"
        " where that cannot be believed.",
        _all_proven(facts, drilled),
    )
    yield one(
        "backup_restore_verify_duration_seconds",
        "Time the newest drills of all volumes took together.",
        sum(proof.duration_seconds for proof in drilled) if drilled else None,
    )
    yield each(
        "backup_restore_drill_success",
        "1 where the newest drill of the volume proved it.",
        "volume",
        ((proof.volume, proof.verdict == "PROVEN") for proof in drilled),
    )
    yield family(
        "backup_restore_drill_phase_seconds",
        "Time a phase of the volume's newest drill took.",
        ("volume", "phase"),
        (
            ((proof.volume, phase), seconds)
            for proof in drilled
            for phase, seconds in proof.phases.items()
        ),
    )


def ledger(facts: Facts) -> Iterator[GaugeMetricFamily]:
    """Describe the chains of proofs: a cut or rewritten one shows from one moment to the next."""
    chains = {name: facts.chains.get(name) for name in facts.objectives}
    yield each(
        "backup_ledger_sound",
        "1 where the volume's chain of proofs can be believed.",
        "volume",
        ((name, bool(chain and chain.drills is not None)) for name, chain in chains.items()),
    )
    believed = {n: c for n, c in chains.items() if c and c.drills is not None}
    yield each(
        "backup_ledger_entries",
        "Proofs in the volume's chain; it only ever grows.",
        "volume",
        ((name, len(chain.drills or ())) for name, chain in believed.items()),
    )
    yield each(
        "backup_ledger_head",
        f"The first {_HEAD_DIGITS} hexadecimal digits of the chain's head, as a number.",
        "volume",
        (
            (name, int(chain.head[:_HEAD_DIGITS], 16) if chain.head else None)
            for name, chain in believed.items()
        ),
    )


def verifier(facts: Facts) -> Iterator[GaugeMetricFamily]:
    """Describe what watches the watchers: the verifier's self-test and the path of signals."""
    test, path = facts.self_test, facts.signal_path
    yield each(
        "backup_verifier_detects",
        "1 where the verifier found this planted fault in its newest self-test.",
        "fault",
        ((f.fault, f.detected) for f in test.faults) if test else (),
    )
    yield one(
        "backup_self_test_success",
        "1 where the newest self-test was GOOD: every fault was found, every control proven.",
        test.verdict == "GOOD" if test else None,
    )
    yield one(
        "backup_self_test_last_timestamp",
        "When the verifier last tested itself.",
        test.checked_at if test else None,
    )
    yield one(
        METRIC,
        "A number to be seen again at the other end.",
        path.newest.number if path else None,
    )
    yield each(
        "backup_signal_path_arrived",
        "1 where the number sent before was seen at the other end of this way.",
        "path",
        ((p.path, _SEEN.get(p.seen)) for p in path.paths) if path else (),
    )


def _all_proven(facts: Facts, drilled: Sequence[ProofSummary]) -> bool | None:
    if any(proof.verdict != "PROVEN" for proof in drilled):
        return False
    believed = all(chain.drills is not None for chain in facts.chains.values())
    return True if drilled and believed else None


def _newest(facts: Facts, volume: str, verdict: str | None = None) -> ProofSummary | None:
    chain = facts.chains.get(volume)
    drills = (chain.drills if chain else None) or ()
    wanted = (proof for proof in drills if verdict in (None, proof.verdict))
    return max(wanted, key=lambda proof: proof.drilled_at, default=None)
