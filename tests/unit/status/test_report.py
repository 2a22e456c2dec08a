"""The shape of a status: the worst counts, and nothing known is the worst."""

from __future__ import annotations

import pytest

from alt_backup_assets.status.report import EXIT_CODES, Verdict, worst


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["GOOD"], "GOOD"),
        (["GOOD", "GOOD"], "GOOD"),
        (["GOOD", "WARNING"], "WARNING"),
        (["CRITICAL", "WARNING", "GOOD"], "CRITICAL"),
        (["WARNING", "CRITICAL"], "CRITICAL"),
        ([], "CRITICAL"),
    ],
)
def test_the_whole_is_as_bad_as_its_worst(verdicts: list[Verdict], expected: Verdict) -> None:
    """Of no verdict at all nothing is known, and that is not good."""
    assert worst(verdicts) == expected


def test_exit_codes_are_fixed() -> None:
    """Scripts rely on them."""
    assert EXIT_CODES == {"GOOD": 0, "WARNING": 1, "CRITICAL": 2}
