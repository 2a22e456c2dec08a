"""The shipped pages and the picture are those of the shipped JSON."""

from __future__ import annotations

from benchmarks import markdown
from benchmarks.plot import picture
from benchmarks.result import Benchmark
from benchmarks.scale import page as scale
from benchmarks.scale.result import Scale
from benchmarks.sites import ROOT

_DOCS = ROOT / "docs"


def test_page_and_picture_are_written_from_the_json() -> None:
    """Nobody has touched a number by hand; ``make bench`` writes all three anew."""
    made = Benchmark.model_validate_json((_DOCS / "benchmark.json").read_text())
    assert (_DOCS / "benchmark.md").read_text() == markdown.page(made)
    assert (_DOCS / "benchmark.svg").read_text() == picture(made)


def test_the_page_of_scale_is_written_from_its_json() -> None:
    """As ``make bench-scale`` writes it."""
    made = Scale.model_validate_json((_DOCS / "scale.json").read_text())
    assert (_DOCS / "scale.md").read_text() == scale.page(made)
