"""The rules of the verdict, each on both sides of its limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alt_backup_assets.registry.volume import RecoveryPointObjective, Volume
from alt_backup_assets.status.report import Verdict
from alt_backup_assets.status.verdict import Evidence, hours, judge
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.proof import Verdict as DrillVerdict
from tests.fakes.clock import NOW

VOLUME = Volume(name="db_data", service="db", engine="files", category="critical")
SECOND = timedelta(seconds=1)


def _snapshot(age: timedelta, number: int = 1) -> Snapshot:
    return Snapshot(
        id=f"{number:064x}", time=NOW - age, host="alt", paths=("/s",), tags=("db_data",)
    )


def _proof(
    snapshot: Snapshot, age: timedelta = timedelta(hours=1), verdict: DrillVerdict = "PROVEN"
) -> Proof:
    return Proof(
        volume="db_data",
        snapshot=snapshot.lineage,
        source="local",
        verdict=verdict,
        differences=() if verdict == "PROVEN" else ("public.users has 2 rows, 3 were recorded",),
        taken_at=snapshot.time,
        drilled_at=NOW - age,
        phases={},
        counts={},
    )


def _evidence(age: timedelta = timedelta(hours=2)) -> Evidence:
    """Return all that is needed for GOOD, with data of this age."""
    snapshot = _snapshot(age)
    return Evidence(
        volume=VOLUME,
        local=(snapshot,),
        offsite=(),
        proofs=(_proof(snapshot),),
        damage=(),
        warned=(),
        newest_of_all=snapshot.time,
    )


def _tightened(warn: timedelta, fail: timedelta) -> Volume:
    return VOLUME.model_copy(update={"rpo": RecoveryPointObjective(warn=warn, fail=fail)})


def test_fresh_and_proven_is_good() -> None:
    """And there is nothing to say."""
    assert judge(_evidence(), NOW) == ("GOOD", ())


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (0 * HOUR, "GOOD"),
        (25 * HOUR, "GOOD"),
        (25 * HOUR + SECOND, "WARNING"),
        (50 * HOUR, "WARNING"),
        (50 * HOUR + SECOND, "CRITICAL"),
        (2000 * HOUR, "CRITICAL"),
    ],
)
def test_the_age_of_the_data_counts(age: timedelta, verdict: Verdict) -> None:
    """25 hours are good, 50 are the end; the proof is fresh in every case."""
    found, reasons = judge(_evidence(age), NOW)
    assert found == verdict
    assert len(reasons) == (found != "GOOD")
    assert all("the newest data is" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(1 * HOUR, "GOOD"), (1 * HOUR + SECOND, "WARNING"), (4 * HOUR + SECOND, "CRITICAL")],
)
def test_an_entry_may_tighten_it(age: timedelta, verdict: Verdict) -> None:
    """The registry's own limits for this volume."""
    evidence = replace(_evidence(age), volume=_tightened(HOUR, 4 * HOUR))
    assert judge(evidence, NOW)[0] == verdict


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (timedelta(minutes=5), "GOOD"),
        (timedelta(minutes=5, seconds=1), "WARNING"),
        (10 * HOUR, "WARNING"),
    ],
)
def test_data_of_the_future_is_not_fresh(ahead: timedelta, verdict: Verdict) -> None:
    """A clock that is wrong would keep a volume fresh for as long as it is ahead."""
    found, reasons = judge(_evidence(-ahead), NOW)
    assert found == verdict
    assert all("in the future: check the clock" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(days=8), "GOOD"),
        (timedelta(days=8) + SECOND, "WARNING"),
        (timedelta(days=400), "WARNING"),
    ],
)
def test_a_proof_has_an_age(age: timedelta, verdict: Verdict) -> None:
    """Eight days: a weekly drill and a day of grace."""
    evidence = _evidence()
    assert evidence.local
    found, reasons = judge(replace(evidence, proofs=(_proof(evidence.local[0], age),)), NOW)
    assert found == verdict
    assert all("the newest proof is" in reason for reason in reasons)


def test_never_proven_is_a_warning() -> None:
    """A backup nobody restored is a hope."""
    verdict, reasons = judge(replace(_evidence(), proofs=()), NOW)
    assert (verdict, reasons) == (
        "WARNING",
        ("no snapshot of it that is kept was proven by a drill",),
    )


def test_a_failed_newest_drill_is_critical() -> None:
    """Whatever was proven before it; the reason is the drill's own."""
    evidence = _evidence()
    assert evidence.local
    failed = _proof(evidence.local[0], verdict="FAILED")
    verdict, reasons = judge(replace(evidence, proofs=(*evidence.proofs, failed)), NOW)
    assert verdict == "CRITICAL"
    assert reasons == (
        "the newest drill, of 00000000, failed: public.users has 2 rows, 3 were recorded",
    )


def test_a_drill_that_was_good_again_is_good() -> None:
    """The failure is behind it."""
    evidence = _evidence()
    assert evidence.local
    failed = _proof(evidence.local[0], verdict="FAILED")
    assert judge(replace(evidence, proofs=(failed, *evidence.proofs)), NOW) == ("GOOD", ())


def test_only_a_failed_drill_is_critical_and_unproven() -> None:
    """Both are said."""
    evidence = _evidence()
    assert evidence.local
    evidence = replace(evidence, proofs=(_proof(evidence.local[0], verdict="FAILED"),))
    verdict, reasons = judge(evidence, NOW)
    assert (verdict, len(reasons)) == ("CRITICAL", 2)


def test_a_proof_of_what_retention_removed_does_not_count() -> None:
    """It can no longer be restored."""
    gone = _proof(_snapshot(48 * HOUR, number=2))
    verdict, reasons = judge(replace(_evidence(), proofs=(gone,)), NOW)
    assert verdict == "WARNING"
    assert "that is kept" in reasons[0]


def test_the_proof_of_an_older_snapshot_counts_for_the_volume() -> None:
    """The newest one may wait for its drill; it is counted as unproven all the same."""
    older, newer = _snapshot(20 * HOUR, number=2), _snapshot(HOUR, number=3)
    evidence = replace(
        _evidence(), local=(older, newer), proofs=(_proof(older),), newest_of_all=newer.time
    )
    assert judge(evidence, NOW) == ("GOOD", ())
    assert not evidence.is_proven
    assert replace(evidence, proofs=(_proof(older), _proof(newer))).is_proven


def test_the_newest_proven_data_is_what_counts() -> None:
    """Drilling an old snapshot today does not make the proof of the newer one younger."""
    older, newer = _snapshot(20 * HOUR, number=2), _snapshot(HOUR, number=3)
    proofs = (_proof(newer, timedelta(hours=3)), _proof(older, timedelta(hours=1)))
    evidence = replace(_evidence(), local=(older, newer), proofs=proofs)
    assert evidence.newest_proven == proofs[0]


def test_no_snapshot_at_all_is_critical() -> None:
    """Proofs of what is gone change nothing."""
    verdict, reasons = judge(replace(_evidence(), local=()), NOW)
    assert (verdict, reasons) == ("CRITICAL", ("there is no snapshot at all",))


def test_an_unknown_repository_is_critical() -> None:
    """What cannot be read is not good; and it is not said to be empty."""
    verdict, reasons = judge(replace(_evidence(), local=None), NOW)
    assert verdict == "CRITICAL"
    assert reasons == ("nothing is known of it: the local repository cannot be read",)


def test_what_a_driver_warned_of_is_a_warning() -> None:
    """A source that will soon be in a backup's way shows before it is."""
    warned = ("its task queue is nearly full",)
    assert judge(replace(_evidence(), warned=warned), NOW) == ("WARNING", warned)


def test_damage_on_the_disk_is_a_warning() -> None:
    """Each in its own sentence."""
    damage = ("alt.dump is missing", "globals.sql has 0 bytes, 9 were written")
    assert judge(replace(_evidence(), damage=damage), NOW) == ("WARNING", damage)


@pytest.mark.parametrize(
    ("behind", "missing"), [(0 * HOUR, False), (25 * HOUR, False), (25 * HOUR + SECOND, True)]
)
def test_a_volume_the_newest_set_was_made_without_is_missing(
    behind: timedelta, missing: bool
) -> None:
    """Measured by the volume's own limit, against the newest of all volumes."""
    evidence = _evidence(20 * HOUR)
    assert evidence.local
    evidence = replace(evidence, newest_of_all=evidence.local[0].time + behind)
    assert evidence.is_missing is missing
    verdict, reasons = judge(evidence, NOW)
    assert verdict == ("WARNING" if missing else "GOOD")
    assert ("it is missing from the newest set of snapshots" in reasons) is missing


@pytest.mark.parametrize("local", [(), None])
def test_a_volume_without_snapshots_is_missing(local: tuple[Snapshot, ...] | None) -> None:
    """From every set there is."""
    assert replace(_evidence(), local=local).is_missing


def test_the_worst_that_applies_wins_and_all_is_said() -> None:
    """Old, unproven and damaged: three sentences, and the verdict of the age."""
    evidence = replace(_evidence(51 * HOUR), proofs=(), damage=("alt.dump is missing",))
    verdict, reasons = judge(evidence, NOW)
    assert (verdict, len(reasons)) == ("CRITICAL", 3)


@pytest.mark.parametrize(
    ("age", "text"),
    [(25 * HOUR, "25.0 h"), (90 * timedelta(minutes=1), "1.5 h"), (96 * HOUR, "4.0 d")],
)
def test_a_duration_is_said_as_an_operator_says_it(age: timedelta, text: str) -> None:
    """Hours, and from four days on days."""
    assert hours(age) == text


def test_proofs_that_cannot_be_believed_are_critical() -> None:
    """Nobody knows whether the newest drill failed; "never proven" would be a guess."""
    unknown = replace(_evidence(), proofs=(), proofs_known=False)
    said = "whether it restores is unknown: its proofs cannot be believed"
    assert judge(unknown, NOW) == ("CRITICAL", (said,))
