"""The page docs/benchmark.md, written from the JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.result import Benchmark
from benchmarks.shown import Shown, facts, tables

_HOW = """\
Made by `make bench`; written from [benchmark.json](benchmark.json), which holds every sample.

*By hand* is the decision record's own sequence with the same tools: `pg_dump --compress=6` one
after the other, one restic backup, `restic check`; for verification one throw-away container per
dump, and rows counted. *Product* is the Dagster job `daily_backup` or `restore_drill` in a fresh
process, fingerprints, records, proofs and all content compared. *Bare tools side by side* is what
the tools reach without any of that: two dumps at a time, `zstd:3`, no fingerprint, tuned
throw-away servers; *bare tools, same flags* the same with gzip 6. *borgmatic* is a peer:
`borgmatic create check` with the same gzip 6 into a borg repository; it runs once, and has no
verification that restores. Recommended flags are `zstd:3`, and gzip 1 where the server is older
than PostgreSQL 16. Everybody works by turns in one run, in an empty repository; file caches are
warm.

Numbers are medians of the rounds; a ratio is the median of the ratios inside each round, and of
growth that of all days together. Growth is that of a database in use: a tenth of its rows was
changed before the first day, so that new rows find room between old ones. CPU is that of all
processes and of the containers; what the Docker engine itself takes is not in it. *Read* is what
the processes asked for by read calls: files, pipes and sockets. *Peak memory* is that of all
processes of a contender together, containers left out.
"""


def page(benchmark: Benchmark) -> str:
    """Return the page."""
    return "\n".join(_lines(benchmark)) + "\n"


def _lines(benchmark: Benchmark) -> Iterator[str]:
    yield "# Benchmark\n"
    yield "![wall time of every contender](benchmark.svg)\n"
    for sentence in facts(benchmark):
        loud = sentence.startswith("NOT ")
        yield f"**{sentence}**\n" if loud else f"{sentence}\n"
    *others, goals = tables(benchmark)
    for shown in (goals, *others):
        yield from _table(shown)
    yield "## How it was measured\n"
    yield _HOW.rstrip("\n")


def _table(shown: Shown) -> Iterator[str]:
    yield f"## {shown.title}\n"
    yield from table(shown.columns, shown.rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a table; the first column is of words, the others are of numbers.

    A goal that is missed stands out.
    """
    yield f"| {' | '.join(columns)} |"
    yield f"|---|{'---:|' * (len(columns) - 1)}"
    for row in rows:
        cells = (f"**{cell}**" if cell.startswith("MISSED") else cell for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""
