"""Who runs: the sequence by hand, the bare tools, and this product as an operator starts it.

Each begins in a place of its own with an empty repository and runs in a fresh process. What it
did is looked at afterwards (``verified``), outside the time that is measured. Keep out: who runs
when (``daily``, ``sides``, ``growth``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import verified
from benchmarks.measure import measured
from benchmarks.platform import Platform
from benchmarks.result import Sample
from benchmarks.sites import Compression, Place
from benchmarks.sizes import Database

_SEQUENCES = Path(__file__).parent / "sequences"


def backup_by_script(
    name: str,
    platform: Platform,
    place: Place,
    databases: Sequence[Database],
    compression: Compression,
    *,
    files: bool = True,
) -> Sample:
    """Back up with a script of ``sequences``.

    Args:
        name: ``by_hand_backup`` or ``bare_backup``.
        platform: What is backed up.
        place: Where to.
        databases: Which databases.
        compression: How each dump is compressed.
        files: The volumes of files too.
    """
    servers = place.directory / "servers"
    lines = (
        f"{platform.container(each)} {each.user} {each.name} {compression[each.volume]}"
        f" {each.image}\n"
        for each in databases
    )
    servers.write_text("".join(lines))
    volumes = str(platform.volumes) if files else ""
    argv = [str(_SEQUENCES / name), str(servers), str(place.directory / "work"), volumes]
    sample = _measured(name, platform, place, argv)
    verified.script_backup(place, databases, files=files)
    return sample


def verify_by_script(name: str, platform: Platform, place: Place) -> Sample:
    """Verify what ``backup_by_script`` made: ``by_hand_verify`` or ``bare_verify``."""
    work = place.directory / "work"
    arguments = (place.directory / "servers", work, platform.name, platform.volumes)
    argv = [str(_SEQUENCES / name), *map(str, arguments)]
    sample = _measured(name, platform, place, argv)
    verified.script_verification(work, platform)
    return sample


def job(name: str, platform: Platform, place: Place) -> Sample:
    """Run one of the product's jobs in a process, as ``dagster job execute`` does.

    Raises:
        BenchmarkFailed: The run was not a success.
    """
    partition = json.dumps({"dagster/partition": place.site().today.isoformat()})
    argv = [sys.executable, "-m", "dagster", "job", "execute"]
    argv += ["-m", "alt_backup_assets.definitions", "-j", name, "--tags", partition]
    sample = _measured(name, platform, place, argv)
    verified.newest_run_succeeded(place)
    return sample


def command(platform: Platform, place: Place, *arguments: str) -> Sample:
    """Run ``alt-backup`` with these arguments; ``DAGSTER_HOME`` is not set."""
    argv = [sys.executable, "-m", "alt_backup_assets.cli", *arguments]
    return _measured(arguments[0], platform, place, argv, without=("DAGSTER_HOME",))


def backed_up(platform: Platform, place: Place) -> Sample:
    """Run the daily job and see that every volume is in the repository."""
    sample = job("daily_backup", platform, place)
    verified.product_backup(place)
    return sample


def drilled(platform: Platform, place: Place) -> Sample:
    """Run the drill's job and see that every volume is PROVEN."""
    sample = job("restore_drill", platform, place)
    verified.proven(place, platform)
    return sample


def dumped(platform: Platform, place: Place, database: Database) -> Sample:
    """Take one dump as the product does; the time is that of the dump alone."""
    argv = [sys.executable, "-m", "benchmarks.dump_once", database.volume]
    sample = _measured("dump_once", platform, place, argv)
    verified.dumped(place, database.volume)
    return _said(sample, place.directory / "dump_once.log")


def bare_dump(
    platform: Platform, place: Place, database: Database, compression: Compression
) -> Sample:
    """Take one dump with pg_dump alone; the time is that of the dump alone."""
    target = place.directory / "archive"
    argv = [str(_SEQUENCES / "bare_dump"), platform.container(database), database.user]
    argv += [database.name, compression[database.volume], str(target)]
    sample = _measured("bare_dump", platform, place, argv)
    verified.is_archive(target)
    return _said(sample, place.directory / "bare_dump.log")


def _said(sample: Sample, log: Path) -> Sample:
    seconds = float(log.read_text().splitlines()[-1])
    return sample.model_copy(update={"wall_seconds": seconds})


def _measured(
    name: str,
    platform: Platform,
    place: Place,
    argv: Sequence[str],
    *,
    without: Sequence[str] = (),
) -> Sample:
    env = {key: value for key, value in place.environment().items() if key not in without}
    log = place.directory / f"{name}.log"
    return measured(platform, argv, env=env, log=log, grows=place.repository)
