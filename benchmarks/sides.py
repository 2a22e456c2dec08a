"""The other experiments: an hour without changes, one dump, one big database, many volumes.

Each asks one question, and its contenders run by turns too.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import contenders, sites, tooltime, verified
from benchmarks.bench import Bench
from benchmarks.result import BARE, PRODUCT, RECOMMENDED, Run

_CHANGE = "UPDATE articles SET read = NOT read WHERE id = 1;"
"""The least a database can change by."""


def hourly(bench: Bench) -> Iterator[Run]:
    """Run the hourly job behind a change in every database, then again without any."""
    platform, databases = bench.platform, bench.platform.size.databases
    with bench.place() as place:
        entries = sites.all_entries(platform, sites.recommended(databases))
        place.write_site(platform, platform.volumes, entries)
        for number in range(1, bench.rounds + 1):
            for each in databases:
                platform.tell(each, _CHANGE)
            before = {each.volume: verified.dump_count(place, each.volume) for each in databases}
            sample = contenders.job("hourly_dumps", platform, place)
            for volume, count in before.items():
                verified.dumped(place, volume, dumps=count + 1)
            yield bench.run("hourly, all changed", RECOMMENDED, number, sample)
            sample = contenders.job("hourly_dumps", platform, place)
            yield bench.run("hourly, nothing changed", RECOMMENDED, number, sample)


def one_dump(bench: Bench) -> Iterator[Run]:
    """Dump the big database with fingerprint and record, and with pg_dump alone."""
    platform, database = bench.platform, bench.platform.size.largest
    flags = sites.recommended([database])
    for number in range(1, bench.rounds + 1):
        with bench.place() as place:
            place.write_site(platform, platform.volumes, sites.entries([database], flags))
            sample = contenders.dumped(platform, place, database)
            yield bench.run("dump of one database", RECOMMENDED, number, sample)
        with bench.place() as place:
            sample = contenders.bare_dump(platform, place, database, flags)
            yield bench.run("dump of one database", BARE, number, sample)


def one_big_database(bench: Bench) -> Iterator[Run]:
    """Back up nothing but the big database: nothing can be done beside it."""
    platform, databases = bench.platform, [bench.platform.size.largest]
    flags = sites.recommended(databases)
    for number in range(1, bench.rounds + 1):
        with bench.place() as place:
            place.write_site(platform, platform.volumes, sites.entries(databases, flags))
            sample = contenders.backed_up(platform, place)
            yield bench.run("one big database", RECOMMENDED, number, sample)
        with bench.place() as place:
            sample = contenders.backup_by_script(
                "bare_backup", platform, place, databases, flags, files=False
            )
            yield bench.run("one big database", BARE, number, sample)


def small_volumes(bench: Bench) -> Iterator[Run]:
    """Run the daily job on more and more small volumes, and see when restic ran."""
    platform = bench.platform
    for count in platform.size.many:
        with bench.place() as plain:
            place, notes = tooltime.watch(plain)
            place.write_site(platform, platform.small, sites.small_entries(count))
            sample = contenders.backed_up(platform, place)
            outside = sample.wall_seconds - tooltime.covered_seconds(notes.spans())
            sample = sample.model_copy(update={"outside_seconds": outside})
            yield bench.run("small volumes", PRODUCT, 1, sample, count)
