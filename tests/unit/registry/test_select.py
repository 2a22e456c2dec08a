"""Finding volumes by name, and choosing those of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.volume import Category, Exclusion, Profile, Registry, Volume


def _files(name: str, category: Category) -> Volume:
    return Volume(name=name, service="any", engine="files", category=category)


REGISTRY = Registry(
    source="test.yaml",
    volumes=(
        _files("db_data_17", "critical"),
        _files("redis-streams-data", "data"),
        _files("meili_data", "search"),
        _files("grafana_data", "metrics"),
        Volume(
            name="news_creator_models",
            service="news-creator",
            category="models",
            excluded=Exclusion(reason="can be downloaded again", review=date(2027, 5, 31)),
        ),
    ),
)
DB, REDIS, MEILI, GRAFANA, MODELS = (volume.name for volume in REGISTRY.volumes)


def _chosen(
    profile: Profile | None = None, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[str]:
    return [volume.name for volume in REGISTRY.select(profile, include, exclude)]


def test_a_volume_is_found_by_its_exact_name() -> None:
    """Planned and excluded volumes both have an entry."""
    assert REGISTRY.volume(DB).name == DB
    assert REGISTRY.volume(MODELS).excluded is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("redis_streams_data", "; did you mean `redis-streams-data`?"),
        ("db_data_16", "; did you mean `db_data_17`?"),
        ("Meili_Data", "; did you mean `meili_data`?"),
        ("kafka", ""),
        ("", ""),
    ],
)
def test_another_name_is_refused_with_the_near_miss(name: str, said: str) -> None:
    """A mix-up never resolves to a volume, and never to nothing in silence."""
    with pytest.raises(ConfigurationError) as caught:
        REGISTRY.volume(name)
    assert str(caught.value) == f"`{name}` is not a volume of test.yaml{said}"


@pytest.mark.parametrize(
    ("profile", "include", "exclude", "names"),
    [
        (None, [], [], [DB, REDIS, MEILI, GRAFANA]),
        ("all", [], [], [DB, REDIS, MEILI, GRAFANA]),
        ("essential", [], [], [DB, REDIS, MEILI]),
        ("db", [], [], [DB]),
        ("db", [GRAFANA], [], [DB, GRAFANA]),
        (None, [GRAFANA, REDIS], [], [REDIS, GRAFANA]),
        (None, [GRAFANA, GRAFANA], [], [GRAFANA]),
        (None, [], [DB], [REDIS, MEILI, GRAFANA]),
        ("all", [], [MODELS], [DB, REDIS, MEILI, GRAFANA]),
        (None, [GRAFANA, REDIS], [REDIS], [GRAFANA]),
    ],
)
def test_a_selection_is_the_profile_plus_and_minus_names(
    profile: Profile | None, include: list[str], exclude: list[str], names: list[str]
) -> None:
    """The registry's order stays, nothing comes twice, and excluding has the last word."""
    assert _chosen(profile, include, exclude) == names


def test_an_unknown_name_to_include_is_refused() -> None:
    """A volume that was asked for is backed up or the run is refused."""
    with pytest.raises(ConfigurationError, match=r"did you mean `redis-streams-data`\?"):
        _chosen("db", ["redis_streams_data"])


def test_an_unknown_name_to_exclude_is_refused() -> None:
    """A typo in what to leave out is not ignored."""
    with pytest.raises(ConfigurationError, match=r"did you mean `meili_data`\?"):
        _chosen(None, [], ["meili-data"])


def test_a_volume_the_registry_excludes_cannot_be_included() -> None:
    """There is no engine to dump it with; the registry's reason is repeated."""
    with pytest.raises(ConfigurationError, match=r"excludes it \(can be downloaded again\)"):
        _chosen(None, [MODELS])


def test_an_unknown_profile_is_refused() -> None:
    """A profile that does not exist selects nothing, and says so."""
    with pytest.raises(ConfigurationError) as caught:
        _chosen("esential")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "the profile must be one of db, essential, all; did you mean `essential`?"
    )


@pytest.mark.parametrize(("profile", "include"), [("db", []), (None, [DB])])
def test_an_empty_selection_is_an_error(profile: Profile | None, include: list[str]) -> None:
    """A run that attempts nothing must not look like one that went well."""
    with pytest.raises(ConfigurationError, match=r"no volume of test\.yaml is left to work on"):
        _chosen(profile, include, [DB])


def test_an_exclusion_holds_until_its_review() -> None:
    """On the day itself it still counts; the day after, the volume is unplanned."""
    assert REGISTRY.unplanned_on(date(2027, 5, 31)) == ()
    assert [volume.name for volume in REGISTRY.unplanned_on(date(2027, 6, 1))] == [MODELS]
