"""Which entry speaks of which volume: exact names only, the better one first."""

from __future__ import annotations

from alt_backup_assets.drift.match import match
from alt_backup_assets.platforms.live_volumes import PlatformVolume
from alt_backup_assets.registry.volume import Volume

LABELLED = PlatformVolume(name="db_data", aliases=("alt_db_data", "db_data"))
FIXED = PlatformVolume(name="cache", aliases=("fixed-name", "fixed-name"))


def _entries(*names: str) -> tuple[Volume, ...]:
    return tuple(Volume(name=n, service="s", category="data", engine="redis") for n in names)


def test_a_volume_answers_to_its_key_and_to_its_full_name() -> None:
    """The name in the compose file and the engine's own both lead to it."""
    for name, volume in (
        ("db_data", LABELLED),
        ("alt_db_data", LABELLED),
        ("cache", FIXED),
        ("fixed-name", FIXED),
    ):
        matched = match(_entries(name), (LABELLED, FIXED))
        assert matched.by_entry == {name: volume}
        assert len(matched.unknown) == 1


def test_a_name_that_is_nearly_right_matches_nothing() -> None:
    """Names resolve exactly; a mix-up of `_` and `-` leaves both sides over."""
    matched = match(_entries("db-data"), (LABELLED,))
    assert (matched.by_entry, matched.unknown) == ({}, (LABELLED,))


def test_a_volume_answers_to_one_entry_only() -> None:
    """Two entries of one volume are not both right: the second has none."""
    matched = match(_entries("alt_db_data", "db_data"), (LABELLED,))
    assert matched.by_entry == {"db_data": LABELLED}


def test_of_two_volumes_the_one_of_that_very_name_is_taken() -> None:
    """A foreign volume with a similar name stays over, for somebody to look at."""
    foreign = PlatformVolume(name="other", aliases=("db_data",))
    matched = match(_entries("db_data"), (foreign, LABELLED))
    assert matched.by_entry == {"db_data": LABELLED}
    assert matched.unknown == (foreign,)
