"""A contender that did not do its work ends the benchmark."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks import seed, sizes, verified
from benchmarks.errors import BenchmarkFailed
from benchmarks.measure import measured
from benchmarks.platform import Platform

_ROWS = frozenset({"alt|articles|3", "alt|blobs|2"})


def _platform() -> Platform:
    """Return a platform without a container; the engine has none to tell of."""
    client = SimpleNamespace(api=SimpleNamespace(containers=list))
    nowhere = Path("/nowhere")
    return Platform(
        name="bench",
        size=sizes.size("small"),
        volumes=nowhere,
        small=nowhere,
        client=client,  # type: ignore[arg-type]
        servers={},
        files={"tokens": 2, "logs": 3},
        rows=_ROWS,
        database_bytes=0,
    )


def _found(work: Path, rows: str, files: int) -> None:
    (work / "rows").write_text(rows)
    (work / "files").write_text(f"{files}\n")


def test_all_rows_and_files_came_back(tmp_path: Path) -> None:
    """The same numbers as the source has, in any order, are good."""
    _found(tmp_path, "alt|blobs|2\nalt|articles|3\n", 5)
    verified.script_verification(tmp_path, _platform())


@pytest.mark.parametrize(
    ("rows", "files", "said"),
    [
        ("alt|articles|2\nalt|blobs|2\n", 5, "rows differ"),
        ("alt|articles|3\n", 5, "rows differ"),
        ("", 5, "rows differ"),
        ("alt|articles|3\nalt|blobs|2\n", 4, "4 files"),
    ],
    ids=["a row", "a table", "everything", "a file"],
)
def test_what_did_not_come_back_ends_the_benchmark(
    tmp_path: Path, rows: str, files: int, said: str
) -> None:
    """A missing row, table or file is no result."""
    _found(tmp_path, rows, files)
    with pytest.raises(BenchmarkFailed, match=said):
        verified.script_verification(tmp_path, _platform())


def test_a_cut_archive_is_no_result(tmp_path: Path) -> None:
    """An empty file where a dump should be ends the benchmark."""
    archive = tmp_path / "alt.dump"
    archive.write_bytes(b"PGDMP")
    with pytest.raises(BenchmarkFailed, match=r"alt\.dump"):
        verified.is_archive(archive)


def test_a_contender_that_fails_is_never_a_fast_one(tmp_path: Path) -> None:
    """Its exit code ends the benchmark, with what it said last."""
    argv = ["sh", "-c", "echo no room; exit 3"]
    with pytest.raises(BenchmarkFailed, match=r"(?s)exited with 3.*no room"):
        measured(_platform(), argv, env={}, log=tmp_path / "log")


def test_what_a_contender_took_is_counted(tmp_path: Path) -> None:
    """What its processes read, grandchildren included, and what the repository grew by."""
    source, grows = tmp_path / "source", tmp_path / "grows"
    grows.mkdir()
    (grows / "before").write_bytes(b"x" * 1000)
    source.write_bytes(b"x" * 3_000_000)
    argv = ["sh", "-c", 'sh -c "cat $0" >"$1/new"; :', str(source), str(grows)]
    sample = measured(_platform(), argv, env={}, log=tmp_path / "log", grows=grows)
    assert sample.grown_bytes == 3_000_000
    assert 3_000_000 <= sample.read_bytes < 4_000_000
    assert sample.wall_seconds > 0
    assert sample.python_peak_bytes is None


def test_the_same_files_every_time(tmp_path: Path) -> None:
    """Two runs compare the same data."""
    files = sizes.Files("logs", "log", 0.5, "text")
    assert seed.write_files(files, tmp_path / "a") == seed.write_files(files, tmp_path / "b") == 1
    assert (tmp_path / "a" / "00000").read_bytes() == (tmp_path / "b" / "00000").read_bytes()
    assert (tmp_path / "a" / "00000").stat().st_size == 500_000


def test_days_append_where_the_day_before_ended() -> None:
    """No row is made twice, and none is left out."""
    database = sizes.size("small").changing
    first, second = (seed.appended_script(database, day) for day in (1, 2))
    ends = [line.split(", ")[-1] for line in _series(first)]
    starts = [line.split("(")[1].split(",")[0] for line in _series(second)]
    assert [int(end.split(")")[0]) + 1 for end in ends] == [int(start) for start in starts]


def _series(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if "FROM generate_series(" in line]
    return [line for line in lines if "1, 16" not in line]


def test_sizes_are_what_the_issue_says() -> None:
    """Medium is 1.5 GB in databases and 0.6 GB of files; small a fifteenth, large four times."""
    for name, factor in (("small", 1 / 15), ("medium", 1), ("large", 4)):
        size = sizes.size(cast("sizes.SizeName", name))
        assert sum(each.megabytes for each in size.databases) == pytest.approx(1500 * factor)
        assert sum(each.megabytes for each in size.files) == pytest.approx(600 * factor)
    assert max(sizes.size("large").many) == 200
