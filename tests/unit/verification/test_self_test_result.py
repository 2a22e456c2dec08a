"""The verdict of a self-test: GOOD needs faults planted, each noticed, and green controls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alt_backup_assets.verification.self_test.result import (
    ControlResult,
    FaultResult,
    SelfTestResult,
)


def _result(*detected: bool | None, proven: tuple[bool, ...] = (True,)) -> SelfTestResult:
    return SelfTestResult(
        checked_at=datetime(2026, 11, 23, tzinfo=UTC),
        controls=tuple(
            ControlResult(engine=f"engine {n}", proven=green, message="" if green else "red")
            for n, green in enumerate(proven)
        ),
        faults=tuple(
            FaultResult(fault=f"fault {n}", detected=found, message="said")
            for n, found in enumerate(detected)
        ),
    )


def test_all_that_was_planted_detected_is_good() -> None:
    """What there was nothing to plant in does not count against it."""
    result = _result(True, None, True, proven=(True, True))
    assert (result.verdict, result.reasons) == ("GOOD", ())


@pytest.mark.parametrize(
    ("result", "reasons"),
    [
        (_result(True, False), ("fault 1: said",)),
        (_result(True, proven=(True, False)), ("control engine 1: red",)),
        (_result(None, None, proven=()), ("nothing was planted: no control was drilled",)),
        (_result(None), ("nothing was planted: every fault lacks what it needs",)),
    ],
    ids=["a fault missed", "a control red", "no control", "nothing planted"],
)
def test_anything_else_is_failed(result: SelfTestResult, reasons: tuple[str, ...]) -> None:
    """And each has its sentence."""
    assert (result.verdict, result.reasons) == ("FAILED", reasons)
