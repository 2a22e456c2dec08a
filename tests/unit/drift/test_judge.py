"""Every state of a volume, green and red; values only."""

from __future__ import annotations

from datetime import date

import pytest

from alt_backup_assets.drift.judge import judge_entry, judge_unknown
from alt_backup_assets.drift.report import VolumeDrift
from alt_backup_assets.platforms.live_volumes import Mount, PlatformVolume, PlatformVolumes
from alt_backup_assets.registry.volume import Exclusion, Volume

TODAY = date(2026, 11, 24)
DB = Volume(name="db_data", service="db", category="critical", engine="redis")
MODELS = Volume(
    name="models",
    service="news",
    category="models",
    excluded=Exclusion(reason="can be downloaded", review=TODAY),
)
MOUNTS = (Mount("db"),)
LIVE = PlatformVolume(name="db_data", declared_by=MOUNTS, mounted_by=MOUNTS)


def _judged(
    entry: Volume,
    volume: PlatformVolume | None,
    *,
    today: date = TODAY,
    unknown: tuple[str, ...] = (),
    held: tuple[str, ...] = ("db_data",),
    declared: bool = True,
    complete: bool = True,
    services: tuple[str, ...] = (),
) -> VolumeDrift:
    volumes = (volume,) if volume else ()
    listed = PlatformVolumes(volumes, declared, complete, frozenset(services))
    return judge_entry(entry, volume, listed, today=today, unknown=unknown, in_snapshots=held)


def test_a_planned_volume_that_is_declared_mounted_and_held_is_planned() -> None:
    """All sides agree: no drift, and nothing to say."""
    judged = _judged(DB, LIVE)
    assert judged == VolumeDrift(name="db_data", state="planned", drifted=False, detail="")


def test_a_planned_volume_without_a_snapshot_is_red() -> None:
    """A plan nobody carried out is drift, with the command that carries it out."""
    judged = _judged(DB, LIVE, held=("another",))
    assert (judged.state, judged.drifted) == ("planned", True)
    assert judged.detail == "no snapshot holds it: run `alt-backup backup --include db_data`"


def test_a_planned_volume_the_files_no_longer_declare_is_red() -> None:
    """A volume that is still there and dropped from the compose files is half gone."""
    live = PlatformVolume(name="db_data", mounted_by=MOUNTS)
    judged = _judged(DB, live)
    assert (judged.state, judged.drifted) == ("planned", True)
    assert "no service of the compose files mounts it any more" in judged.detail
    assert not _judged(DB, live, declared=False).drifted


def test_an_excluded_volume_is_no_drift_on_its_review_day() -> None:
    """Until the day is over the exclusion holds, with its reason."""
    judged = _judged(MODELS, PlatformVolume(name="models"))
    assert (judged.state, judged.drifted) == ("excluded", False)
    assert judged.detail == "excluded until 2026-11-24 (can be downloaded)"


def test_an_excluded_volume_past_its_review_day_is_unplanned() -> None:
    """A day later nobody decided anything about it any more."""
    judged = _judged(MODELS, PlatformVolume(name="models"), today=date(2026, 11, 25))
    assert (judged.state, judged.drifted) == ("unplanned", True)
    assert "that day has passed" in judged.detail


@pytest.mark.parametrize("entry", [DB, MODELS])
def test_an_entry_without_a_volume_is_stale(entry: Volume) -> None:
    """Neither declared nor there: planned or excluded, the registry is out of date."""
    judged = _judged(entry, None)
    assert (judged.state, judged.drifted) == ("stale", True)
    assert "neither declared nor there: remove the entry" in judged.detail


def test_a_stale_entry_names_the_volume_it_may_have_meant() -> None:
    """A mix-up of `_` and `-` names the near miss."""
    judged = _judged(DB, None, unknown=("web", "db-data"))
    assert judged.detail == "it is neither declared nor there; did you mean `db-data`?"


def test_a_platform_that_does_not_list_everything_makes_no_entry_stale() -> None:
    """A database behind a configured service, and what is excluded, need no directory."""
    assert not _judged(DB, None, complete=False, services=("db",)).drifted
    assert not _judged(MODELS, None, complete=False).drifted
    assert _judged(DB, None, complete=False).state == "stale"


def test_files_without_a_directory_are_stale_everywhere() -> None:
    """A volume of files is nowhere but in its directory."""
    files = DB.model_copy(update={"engine": "files"})
    judged = _judged(files, None, complete=False, services=("db",))
    assert judged.state == "stale"


def test_a_declared_volume_that_was_never_made_is_not_mounted() -> None:
    """There is nothing to back up yet, and that is said."""
    volume = PlatformVolume(name="db_data", exists=False, declared_by=MOUNTS, mounted_by=())
    judged = _judged(DB, volume)
    assert (judged.state, judged.drifted) == ("not_mounted", True)
    assert judged.detail == "declared, no volume exists yet"


def test_a_volume_no_container_mounts_is_not_mounted() -> None:
    """Its service writes somewhere else: the backup would be of dead data."""
    judged = _judged(DB, PlatformVolume(name="db_data", declared_by=MOUNTS, mounted_by=()))
    assert (judged.state, judged.drifted) == ("not_mounted", True)
    assert "no container mounts it" in judged.detail


def test_a_volume_of_another_service_is_not_mounted() -> None:
    """What another service mounts is red, with the near miss."""
    volume = PlatformVolume(name="db_data", mounted_by=(Mount("db-1"),))
    judged = _judged(DB, volume, declared=False)
    assert (judged.state, judged.drifted) == ("not_mounted", True)
    assert judged.detail == "`db` does not mount it, `db-1` does; did you mean `db-1`?"


def test_a_volume_declared_for_another_service_is_red() -> None:
    """The next start gives it to another service than the registry says."""
    volume = PlatformVolume(name="db_data", declared_by=(Mount("db_"),), mounted_by=MOUNTS)
    judged = _judged(DB, volume)
    assert judged.drifted
    assert "declare it for `db_`, and the registry says `db`; did you mean `db_`?" in judged.detail


def test_where_nothing_can_tell_who_mounts_it_nothing_is_claimed() -> None:
    """A directory of this machine has no mounts to compare."""
    assert not _judged(DB, PlatformVolume(name="db_data", declared_by=())).drifted


@pytest.mark.parametrize(
    ("volume", "there"),
    [
        (PlatformVolume(name="new", mounted_by=(Mount("web"),)), "mounted by `web`"),
        (PlatformVolume(name="new", mounted_by=()), "mounted by nobody"),
        (PlatformVolume(name="new"), "it is there"),
        (PlatformVolume(name="new", exists=False, declared_by=(Mount("web"),)), "declared for"),
    ],
)
def test_a_volume_nobody_planned_is_red(volume: PlatformVolume, there: str) -> None:
    """Live or only declared, somebody has to decide about it."""
    judged = judge_unknown(volume, ())
    assert (judged.state, judged.drifted) == ("unplanned", True)
    assert there in judged.detail
    assert "`alt-backup config propose`" in judged.detail


def test_an_unplanned_volume_names_the_entry_that_may_have_meant_it() -> None:
    """A mix-up of `_` and `-` is named from this side too."""
    judged = judge_unknown(PlatformVolume(name="db-data"), ("db_data",))
    assert judged.detail.endswith("did you mean `db_data`?")


def test_an_anonymous_volume_with_data_is_red() -> None:
    """It is lost with its container, so the detail says how to get it out of there."""
    volume = PlatformVolume(name="0" * 64, mounted_by=(Mount("web"),), anonymous=True)
    judged = judge_unknown(volume, ())
    assert (judged.state, judged.drifted) == ("anonymous", True)
    assert "`web`: declare it by name" in judged.detail
