"""The tables on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.result import Benchmark
from benchmarks.shown import Shown, facts, tables

_STYLES = {"met": "bold green", "not measured": "bold yellow"}


def print_tables(console: Console, benchmark: Benchmark) -> None:
    """Print every table and the sentences that belong to them."""
    for shown in tables(benchmark):
        console.print(_drawn(shown))
    for sentence in facts(benchmark):
        loud = sentence.startswith("NOT ")
        console.print(Text(sentence, style="bold red" if loud else ""), soft_wrap=True)


def _drawn(shown: Shown) -> Table:
    table = Table(title=shown.title, title_justify="left", box=box.SIMPLE, show_edge=False)
    for index, column in enumerate(shown.columns):
        table.add_column(column, justify="right" if index else "left")
    for row in shown.rows:
        table.add_row(*map(_styled, row))
    return table


def _styled(cell: str) -> Text:
    return Text(cell, style="bold red" if cell.startswith("MISSED") else _STYLES.get(cell, ""))
