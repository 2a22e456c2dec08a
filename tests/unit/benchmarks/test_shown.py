"""The page, the picture and the terminal's tables, from a benchmark as JSON."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

from rich.console import Console

from benchmarks.__main__ import write
from benchmarks.machine import unquiet
from benchmarks.markdown import page
from benchmarks.plot import picture
from benchmarks.result import BARE, BY_HAND, RECOMMENDED, Benchmark
from benchmarks.table import print_tables
from tests.unit.benchmarks.samples import benchmark, good, run

_SVG = "{http://www.w3.org/2000/svg}"


def _missed() -> Benchmark:
    return benchmark(
        run("backup", BY_HAND, 1, 100.0),
        run("backup", RECOMMENDED, 1, 57.0),
        size="small",
        notes=("NOT A QUIET RUN: there was a load",),
    )


def test_the_page_is_written_from_the_json_alone() -> None:
    """What comes back from the file makes the same page."""
    made = good()
    assert page(Benchmark.model_validate_json(made.model_dump_json())) == page(made)


def test_the_three_files_belong_together(tmp_path: Path) -> None:
    """Page and picture beside the JSON are those of that JSON, whatever it says."""
    write(_missed(), tmp_path / "docs")
    made = Benchmark.model_validate_json((tmp_path / "docs" / "benchmark.json").read_text())
    assert made == _missed()
    assert (tmp_path / "docs" / "benchmark.md").read_text() == page(made)
    assert (tmp_path / "docs" / "benchmark.svg").read_text() == picture(made)


def test_the_page_has_a_row_for_every_contender_and_goal() -> None:
    """Medians, ratios and judgements stand in it."""
    lines = page(good()).splitlines()
    assert "| daily backup, recommended flags | ≤ 0.38 | 0.30 | met | 0.28 |" in lines
    assert "| daily backup, same flags | ≤ 0.85 | 0.80 | met | 0.78 |" in lines
    (row,) = (line for line in lines if line.startswith("| bare tools") and "28.0 s" in line)
    assert row.startswith("| bare tools side by side | 28.0 s | 0.28 |")
    assert "| 45 | 5.0 s | 40.0 s |" in lines


def test_a_missed_goal_is_shown_as_missed() -> None:
    """With by how much, in bold, on the page as on the terminal."""
    assert "| 0.57 | **MISSED by 50 %** | - |" in page(_missed())
    assert "MISSED by 50 %" in _printed(_missed())


def test_a_load_is_said_loudly() -> None:
    """Neither page nor terminal hides that the machine was busy, or that the size is another."""
    for said in (page(_missed()), _printed(_missed())):
        assert "NOT A QUIET RUN" in said
        assert "this is not that" in said
    assert "NOT A QUIET RUN" not in page(good())


def test_a_busy_machine_is_no_quiet_one() -> None:
    """0.3 a core is the limit: 0.6 on two cores."""
    machine = good().machine
    assert unquiet(machine.model_copy(update={"load_before": 0.6})) is None
    assert "0.61 on 2 cores" in (unquiet(machine.model_copy(update={"load_before": 0.61})) or "")


def test_every_table_has_as_many_cells_as_columns() -> None:
    """A table that is askew is no table."""
    for block in page(good()).split("\n## ")[1:]:
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block


def test_the_picture_has_a_bar_for_every_contender_and_a_dot_for_every_round() -> None:
    """It is well-formed, and the bars are as long as the medians."""
    svg = ET.fromstring(picture(good()))  # noqa: S314 -- our own
    bars = svg.findall(f"{_SVG}rect")
    assert len(bars) == 9
    assert len(svg.findall(f"{_SVG}circle")) == 9
    by_hand, same = (float(bar.attrib["width"]) for bar in bars[:2])
    assert round(same / by_hand, 2) == 0.8


def test_a_picture_without_an_experiment_is_still_one() -> None:
    """Panels nobody ran are left out."""
    only = benchmark(run("one big database", BARE, 1, 10.0))
    svg = ET.fromstring(picture(only))  # noqa: S314 -- our own
    assert len(svg.findall(f"{_SVG}rect")) == 1


def _printed(made: Benchmark) -> str:
    stream = io.StringIO()
    print_tables(Console(file=stream, width=220), made)
    return stream.getvalue()
