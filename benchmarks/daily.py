"""The main experiment: everybody backs up the whole platform and verifies it, by turns."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import contenders, peer, sites
from benchmarks.bench import Bench
from benchmarks.result import (
    BARE,
    BARE_SAME_FLAGS,
    BORGMATIC,
    BY_HAND,
    RECOMMENDED,
    SAME_FLAGS,
    Run,
)


def daily(bench: Bench) -> Iterator[Run]:
    """Run every contender once a round: its first day in an empty repository, then its drill."""
    has_peer = peer.missing() is None
    for number in range(1, bench.rounds + 1):
        yield from _by_script(bench, BY_HAND, number)
        yield from _by_product(bench, SAME_FLAGS, number)
        yield from _by_product(bench, RECOMMENDED, number)
        yield from _by_script(bench, BARE, number)
        yield from _by_script(bench, BARE_SAME_FLAGS, number)
        if has_peer and number == 1:  # it takes longer than everybody else
            yield _by_peer(bench, number)


def _by_script(bench: Bench, contender: str, number: int) -> Iterator[Run]:
    platform, databases = bench.platform, bench.platform.size.databases
    name = "by_hand" if contender == BY_HAND else "bare"
    compression = (sites.recommended if contender == BARE else sites.the_same)(databases)
    with bench.place() as place:
        sample = contenders.backup_by_script(
            f"{name}_backup", platform, place, databases, compression
        )
        yield bench.run("backup", contender, number, sample)
        if contender != BARE_SAME_FLAGS:  # how its dumps are compressed is nothing to a restore
            sample = contenders.verify_by_script(f"{name}_verify", platform, place)
            yield bench.run("verification", contender, number, sample)


def _by_peer(bench: Bench, number: int) -> Run:
    with bench.place() as place:
        return bench.run("backup", BORGMATIC, number, peer.backed_up(bench.platform, place))


def _by_product(bench: Bench, contender: str, number: int) -> Iterator[Run]:
    platform, databases = bench.platform, bench.platform.size.databases
    same = contender == SAME_FLAGS
    compression = sites.the_same(databases) if same else sites.recommended(databases)
    with bench.place() as place:
        place.write_site(platform, platform.volumes, sites.all_entries(platform, compression))
        yield bench.run("backup", contender, number, contenders.backed_up(platform, place))
        if same and number > 1:  # that its dumps restore has been seen in the first round
            return
        sample = contenders.drilled(platform, place)
        if not same:
            yield bench.run("verification", contender, number, sample)
