"""The shipped page and picture are those of the shipped JSON."""

from __future__ import annotations

from benchmarks.markdown import page
from benchmarks.plot import picture
from benchmarks.result import Benchmark
from benchmarks.sites import ROOT

_DOCS = ROOT / "docs"


def test_page_and_picture_are_written_from_the_json() -> None:
    """Nobody has touched a number by hand; ``make bench`` writes all three anew."""
    made = Benchmark.model_validate_json((_DOCS / "benchmark.json").read_text())
    assert (_DOCS / "benchmark.md").read_text() == page(made)
    assert (_DOCS / "benchmark.svg").read_text() == picture(made)
