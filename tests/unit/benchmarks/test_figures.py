"""Medians, ratios and goals, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks import figures
from benchmarks.figures import Goal
from benchmarks.result import BY_HAND, PRODUCT, RECOMMENDED, SAME_FLAGS, UNCOMPRESSED
from benchmarks.tooltime import covered_seconds
from tests.unit.benchmarks.samples import benchmark, good, run


def test_the_median_leaves_out_what_was_not_measured() -> None:
    """A sample without the number does not count as zero."""
    runs = [
        run("backup", BY_HAND, 1, 1.0, grown_bytes=10),
        run("backup", BY_HAND, 2, 1.0),
        run("backup", BY_HAND, 3, 1.0, grown_bytes=30),
    ]
    assert figures.middle(runs, figures.grown) == 20
    assert figures.middle(runs[1:2], figures.grown) is None


def test_a_ratio_is_taken_inside_its_round() -> None:
    """A machine that is slower in one round does not change the ratio."""
    base = [run("backup", BY_HAND, n, wall) for n, wall in ((1, 10.0), (2, 40.0), (3, 10.0))]
    fast = [run("backup", RECOMMENDED, n, wall) for n, wall in ((1, 3.0), (2, 12.0), (3, 4.0))]
    assert figures.ratio(fast, base) == pytest.approx(0.3)


def test_a_ratio_needs_both_in_one_round() -> None:
    """Rounds that only one of them has are left out; without a common one there is none."""
    base = [run("backup", BY_HAND, 1, 10.0)]
    assert figures.ratio([run("backup", RECOMMENDED, 2, 1.0)], base) is None
    assert figures.ratio([], base) is None


def test_days_are_taken_together() -> None:
    """What grew by chance on one day counts as much as it weighs; a side of nothing has none."""
    base = [
        run("appended day", SAME_FLAGS, n, 1.0, grown_bytes=size) for n, size in ((1, 6), (2, 2))
    ]
    runs = [run("appended day", UNCOMPRESSED, n, 1.0, grown_bytes=2) for n in (1, 2)]
    assert figures.ratio_of_sums(runs, base, figures.grown) == pytest.approx(0.5)
    assert figures.ratio_of_sums([], base, figures.grown) is None
    assert figures.ratio_of_sums(runs, [], figures.grown) is None


def test_the_time_per_volume_is_the_slope_from_the_fewest_to_the_most() -> None:
    """5 volumes in 3 s and 45 in 5 s are 0.05 s each."""
    assert figures.per_volume(good()) == pytest.approx(0.05)


def test_one_number_of_volumes_has_no_slope() -> None:
    """Nothing is made up from a single point."""
    one = benchmark(run("small volumes", PRODUCT, 1, 9.0, volumes=15, outside_seconds=3.0))
    assert figures.per_volume(one) is None


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.0)], 2.0),
        ([(5.0, 6.0), (1.0, 3.0)], 3.0),
        ([(1.0, 4.0), (2.0, 3.0), (3.5, 5.0)], 4.0),
    ],
    ids=["none", "one", "apart", "overlapping"],
)
def test_overlapping_calls_are_counted_once(
    spans: list[tuple[float, float]], seconds: float
) -> None:
    """Two calls side by side take the time of one."""
    assert covered_seconds(spans) == pytest.approx(seconds)


def test_every_goal_of_a_good_benchmark_is_met() -> None:
    """Each one is measured and judged met."""
    assert {goal.name: goal.judgement for goal in figures.goals(good())} == {
        goal.name: "met" for goal in figures.goals(good())
    }


def test_no_goal_is_met_by_a_benchmark_without_samples() -> None:
    """What was not measured is not met."""
    judged = figures.goals(benchmark())
    assert {goal.judgement for goal in judged} == {"not measured"}
    assert not any(goal.is_met for goal in judged)


@pytest.mark.parametrize(
    ("value", "judgement"),
    [(0.85, "met"), (0.84, "met"), (1.02, "MISSED by 20 %"), (None, "not measured")],
)
def test_a_goal_says_by_how_much_it_is_missed(value: float | None, judgement: str) -> None:
    """The limit itself is met; beyond it the share is told."""
    assert Goal("daily backup", 0.85, value).judgement == judgement


def test_the_memory_goal_takes_the_worst_run() -> None:
    """One run that took too much is a goal missed, whatever the median."""
    runs = [
        run("backup", RECOMMENDED, n, 1.0, python_peak_bytes=peak)
        for n, peak in ((1, 100_000_000), (2, 360_000_000), (3, 100_000_000))
    ]
    (goal,) = (goal for goal in figures.goals(benchmark(*runs)) if goal.unit == "MB")
    assert goal.judgement == "MISSED by 20 %"
