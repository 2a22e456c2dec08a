"""A verifier that failed its own test, or makes none, is never passed over by the status."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alt_backup_assets.signals.facts import read_facts
from alt_backup_assets.site import Site
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.report import Verdict
from alt_backup_assets.status.verifier import verifier_findings
from alt_backup_assets.verification.self_test.result import (
    ControlResult,
    FaultResult,
    SelfTestResult,
    record,
)
from tests.fakes.clock import Clock
from tests.fakes.site import DB, Machine, fake_site

DAY = timedelta(days=1)


def _tested(site: Site, *, detected: bool = True) -> None:
    said = "" if detected else "the drill says PROVEN over the planted fault"
    fault = FaultResult(fault="row_dropped", detected=detected, message=said)
    control = ControlResult(engine="redis", proven=True)
    record(site, SelfTestResult(checked_at=site.now(), controls=(control,), faults=(fault,)))


def test_a_test_that_was_good_is_good(good: Machine) -> None:
    """And there is nothing to say of it."""
    _tested(good.site)
    status = read_status(good.site)
    assert (status.verdict, status.reasons) == ("GOOD", ())


def test_a_test_that_failed_is_critical_until_one_is_good(good: Machine) -> None:
    """The fault is named, with what to do, though every volume is good for itself."""
    _tested(good.site, detected=False)
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert "row_dropped: the drill says PROVEN" in status.reasons[0]
    assert "run `alt-backup self-test`" in status.reasons[0]
    assert {volume.verdict for volume in status.volumes} == {"GOOD"}
    _tested(good.site)
    assert read_status(good.site).verdict == "GOOD"


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(8 * DAY, None), (8 * DAY + timedelta(minutes=1), "WARNING")],
    ids=["within its time", "overdue"],
)
def test_a_test_is_good_for_eight_days(
    good: Machine, age: timedelta, verdict: Verdict | None
) -> None:
    """The weekly interval and a day, as the alert has it."""
    _tested(good.site)
    good.clock.advance(days=age / DAY)
    found = verifier_findings(good.site, None, good.site.now())
    assert [each for each, _ in found] == ([verdict] if verdict else [])
    assert all("run `alt-backup self-test`" in said for _, said in found)


def test_overdue_follows_the_schedule(tmp_path: Path) -> None:
    """A monthly self-test is not late after a week, and is after 32 days and more."""
    clock = Clock()
    site = fake_site(tmp_path, now=clock, settings={"schedules": {"self_test": "0 8 1 * *"}})
    _tested(site)
    clock.advance(days=31)
    assert verifier_findings(site, None, site.now()) == ()
    clock.advance(days=2)
    ((verdict, said),) = verifier_findings(site, None, site.now())
    assert (verdict, "over 32.0 d" in said) == ("WARNING", True)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(None, None), (8 * DAY, None), (9 * DAY, "WARNING")],
    ids=["no snapshot at all", "new", "a week and more"],
)
def test_none_at_all_counts_once_there_was_time_for_one(
    good: Machine, age: timedelta | None, verdict: Verdict | None
) -> None:
    """A new installation is not red for what its first Sunday brings."""
    now: datetime = good.site.now()
    found = verifier_findings(good.site, None if age is None else now - age, now)
    assert [each for each, _ in found] == ([verdict] if verdict else [])
    assert all("never tested itself: run `alt-backup self-test`" in said for _, said in found)


def test_the_oldest_snapshot_tells_how_long_there_was(good: Machine) -> None:
    """Nine days of backups and drills without a self-test: not GOOD."""
    for _ in range(9):
        good.clock.advance(days=1)
        good.back_up()
    good.drill(DB)
    reasons = read_status(good.site).reasons
    assert "the verifier has never tested itself: run `alt-backup self-test`" in reasons


def test_a_record_nobody_can_read_is_a_warning(good: Machine) -> None:
    """Not "never", and not green; the metric is absent."""
    _tested(good.site)
    path = good.site.state / "self-test.json"
    path.write_text(path.read_text()[:40])
    status = read_status(good.site)
    assert status.verdict == "WARNING"
    assert "nobody knows whether the verifier works" in status.reasons[0]
    assert read_facts(good.site).self_test is None
