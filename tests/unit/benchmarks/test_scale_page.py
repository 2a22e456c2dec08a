"""The page of ``make bench-scale``: every row judged by its own goal."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.result import Machine
from benchmarks.scale.page import page
from benchmarks.scale.result import Row, Scale


def _page(row: Row, *, load: float = 0.1) -> str:
    machine = Machine(
        processor="Two Cores", cores=2, memory_bytes=8 << 30, system="Linux 6", load_before=load
    )
    started_at = datetime(2026, 11, 24, 3, tzinfo=UTC)
    return page(
        Scale(machine=machine, versions={"restic": "0.18"}, started_at=started_at, rows=(row,))
    )


def test_a_goal_that_is_met_and_one_that_is_missed() -> None:
    """Missed is said aloud, and by how much."""
    assert "| status | 1.50 s | ≤ 2 s | met | 1.2 s | 150 MiB |" in _page(
        Row(what="status", value=1.5, goal=2, cpu_seconds=1.2, peak_mib=150)
    )
    assert "| ≤ 2 s | **MISSED by 50 %** |" in _page(Row(what="status", value=3, goal=2))


def test_what_has_no_goal_is_not_judged() -> None:
    """It only tells."""
    assert "| graph | 4.00 s |  |  |  |  |" in _page(Row(what="graph", value=4))


def test_a_run_beside_other_work_says_so() -> None:
    """Its times say little, and nobody is to take them for more."""
    row = Row(what="status", value=1, goal=2)
    assert "NOT A QUIET RUN" not in _page(row)
    assert "NOT A QUIET RUN" in _page(row, load=3)
