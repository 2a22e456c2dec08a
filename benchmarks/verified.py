"""That a contender did the work: otherwise the benchmark ends.

Holds one look at each kind of result, none of it inside the time that is measured.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.tools.pgarchive import require_whole
from alt_backup_assets.verification.ledger import open_ledger
from benchmarks.errors import BenchmarkFailed
from benchmarks.platform import Platform
from benchmarks.sites import Place
from benchmarks.sizes import Database


def script_backup(place: Place, databases: Sequence[Database], *, files: bool) -> None:
    """Require an archive of every database on the disk, and of every one in the repository.

    Raises:
        BenchmarkFailed: One is missing.
    """
    dumps = place.directory / "work" / "dumps"
    for each in databases:
        is_archive(dumps / f"{each.name}.dump")
    wanted = {str(dumps)}
    held = {path for paths in _paths(place) for path in paths}
    _require(wanted <= held, f"the repository does not hold {wanted - held}")
    _require(not files or len(held) > 1, "the repository does not hold the files")


def is_archive(path: Path) -> None:
    """Require an archive that is whole, as the product requires it of its own.

    Raises:
        BenchmarkFailed: It is none, or cut.
    """
    try:
        require_whole(path)
    except DumpFailed as error:
        raise BenchmarkFailed(str(error)) from error


def dumped(place: Place, volume: str, *, dumps: int = 1) -> None:
    """Require so many dumps of a volume on the disk.

    Raises:
        BenchmarkFailed: There is another number of them.
    """
    found = dump_count(place, volume)
    _require(found == dumps, f"{volume} has {found} dumps instead of {dumps}")


def dump_count(place: Place, volume: str) -> int:
    """Return how many dumps of a volume are on the disk."""
    return len(store(place.site()).dumps(volume))


def script_verification(work: Path, platform: Platform) -> None:
    """Require that all rows and all files came back.

    Raises:
        BenchmarkFailed: Other numbers were counted than the source has.
    """
    rows = frozenset((work / "rows").read_text().split("\n")) - {""}
    _require(rows == platform.rows, f"rows differ: {sorted(rows ^ platform.rows)}")
    files = int((work / "files").read_text())
    _require(files == sum(platform.files.values()), f"{files} files were restored")


def newest_run_succeeded(place: Place) -> None:
    """Require that Dagster recorded the newest run as a success.

    Raises:
        BenchmarkFailed: It did not, or there is none.
    """
    with dg.DagsterInstance.from_config(str(place.directory / "dagster")) as instance:
        runs = instance.get_runs(limit=1)
    ended = [run.status for run in runs]
    _require(ended == [dg.DagsterRunStatus.SUCCESS], f"the run ended as {ended}")


def product_backup(place: Place, *, days: int = 1) -> None:
    """Require that every volume has a snapshot for each day.

    Raises:
        BenchmarkFailed: One has another number of snapshots.
    """
    site = place.site()
    listed = site.local.snapshots(host=site.name)
    for volume in site.registry.planned:
        found = sum(volume_of(snapshot) == volume.name for snapshot in listed)
        _require(found == days, f"{volume.name} has {found} snapshots instead of {days}")


def proven(place: Place, platform: Platform) -> None:
    """Require a proof of every volume, and of the very rows the source has.

    Raises:
        BenchmarkFailed: One is not PROVEN, or speaks of another number of rows.
    """
    site = place.site()
    ledger = open_ledger(site)
    rows = 0
    for volume in site.registry.planned:
        proofs = ledger.proofs(volume.name)
        verdict = proofs[-1].verdict if proofs else "missing"
        _require(verdict == "PROVEN", f"the proof of {volume.name} is {verdict}")
        rows += proofs[-1].counts.get("rows", 0)
    names = {name for volume in site.registry.planned for name in volume.databases}
    lines = [line.split("|") for line in platform.rows]
    wanted = sum(int(count) for database, _, count in lines if database in names)
    _require(rows == wanted, f"the proofs speak of {rows} rows instead of {wanted}")


def _paths(place: Place) -> list[list[str]]:
    argv = ["restic", "snapshots", "--json", "--no-lock"]
    said = subprocess.run(argv, env=place.environment(), capture_output=True, check=True).stdout
    return [snapshot["paths"] for snapshot in json.loads(said)]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BenchmarkFailed(otherwise)
