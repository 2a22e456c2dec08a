"""How a repository grows from day to day, by how the dumps are compressed.

One database that has been in use: a tenth of its rows was changed before. Then a first day, days
on which a hundredth of the rows was appended, and days on which a hundredth was changed all over.
Everybody backs up the very same data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import contenders, seed, sites, verified
from benchmarks.bench import Bench
from benchmarks.result import RECOMMENDED, SAME_FLAGS, UNCOMPRESSED, Experiment, Run
from benchmarks.sites import JUST_AS_BY_HAND, Place

_FLAGS = {SAME_FLAGS: JUST_AS_BY_HAND, RECOMMENDED: "zstd:3", UNCOMPRESSED: "0"}


def growth(bench: Bench) -> Iterator[Run]:
    """Back up day after day into the same repositories. It changes the platform: run it last."""
    platform, database = bench.platform, bench.platform.size.changing
    days: list[tuple[Experiment, int, str]] = [("first day", 1, seed.changed_script())]
    days += [("appended day", n, seed.appended_script(database, n)) for n in (1, 2, 3, 4)]
    days += [("scattered day", n, seed.scattered_script(n)) for n in (1, 2)]
    with ExitStack() as places:
        by_contender: dict[str, Place] = {}
        for number, (contender, flags) in enumerate(_FLAGS.items()):
            place = places.enter_context(bench.place(f"growth-{number}"))
            entries = sites.entries([database], {database.volume: flags})
            place.write_site(platform, platform.volumes, entries)
            by_contender[contender] = place
        for passed, (day, number, script) in enumerate(days):
            platform.tell(database, script)
            for contender, place in by_contender.items():
                sample = contenders.command(platform, place, "backup")
                verified.product_backup(place, days=passed + 1)
                yield bench.run(day, contender, number, sample)
