"""One entry: what each engine needs and takes, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import get_args

import pytest
from pydantic import ValidationError

from alt_backup_assets.registry.volume import (
    PROFILES,
    Category,
    Engine,
    RecoveryPointObjective,
    Volume,
)

POSTGRESQL = {
    "name": "db_data",
    "service": "db",
    "category": "critical",
    "engine": "postgresql",
    "databases": ["alt"],
    "user": "alt_db_user",
}
FILES = {"name": "tokens", "service": "auth", "category": "data", "engine": "files"}
EXCLUDED = {
    "name": "models",
    "service": "news",
    "category": "models",
    "excluded": {"reason": "can be downloaded again", "review": "2027-05-31"},
}


def _refusal(fields: Mapping[str, object]) -> tuple[str, str]:
    """Return the one field that is refused, and what is said about it."""
    with pytest.raises(ValidationError) as caught:
        Volume.model_validate(fields)
    [detail] = caught.value.errors()
    field = ".".join(str(part) for part in detail["loc"])
    return field, str(detail.get("ctx", {}).get("error", detail["type"]))


def test_an_entry_is_planned_or_excluded() -> None:
    """A planned entry names its engine, an excluded one its reason and its day."""
    assert Volume.model_validate(POSTGRESQL).databases == ("alt",)
    excluded = Volume.model_validate(EXCLUDED).excluded
    assert excluded is not None
    assert excluded.review.isoformat() == "2027-05-31"


def test_an_entry_is_never_neither() -> None:
    """Without engine and without reason nobody knows what was meant."""
    entry = {key: value for key, value in EXCLUDED.items() if key != "excluded"}
    assert _refusal(entry) == (
        "excluded",
        "is missing, and so is `engine`: a volume is either planned or excluded with a reason",
    )


def test_an_entry_is_never_both() -> None:
    """An engine beside an exclusion could be read as a backup that is made."""
    assert _refusal({**EXCLUDED, "engine": "files"}) == (
        "excluded",
        "is beside `engine`: a volume is either planned or excluded with a reason",
    )


@pytest.mark.parametrize("engine", sorted({*get_args(Engine)} - {"postgresql", "clickhouse"}))
def test_every_known_engine_is_accepted(engine: str) -> None:
    """An engine whose driver is still to be written has its place in the registry."""
    assert Volume.model_validate({**FILES, "engine": engine}).engine == engine


def test_an_unknown_engine_is_refused() -> None:
    """A word that is no engine is not taken for one that has no driver yet."""
    assert _refusal({**FILES, "engine": "mysql"}) == ("engine", "literal_error")


@pytest.mark.parametrize("engine", ["postgresql", "clickhouse"])
@pytest.mark.parametrize("field", ["databases", "user"])
def test_a_database_engine_needs_its_databases_and_user(engine: str, field: str) -> None:
    """A database server without named databases would be a dump of nothing."""
    complete = {**POSTGRESQL, "engine": engine}
    assert Volume.model_validate(complete).engine == engine
    missing = {key: value for key, value in complete.items() if key != field}
    empty = {**missing, field: [] if field == "databases" else None}
    said = (field, f"is missing: the engine `{engine}` needs it")
    assert (_refusal(missing), _refusal(empty)) == (said, said)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({**FILES, "databases": ["alt"]}, "databases"),
        ({**FILES, "user": "alt"}, "user"),
        ({**FILES, "passfile": "/run/pass"}, "passfile"),
        ({**FILES, "compression": "zstd:3"}, "compression"),
        ({**POSTGRESQL, "exclude": ["*.dump"]}, "exclude"),
        ({**POSTGRESQL, "password_file": "/run/pass"}, "password_file"),
        ({**FILES, "url": "http://auth"}, "url"),
        ({**FILES, "poll_seconds": 1}, "poll_seconds"),
        ({**FILES, "engine": "redis", "snapshots": "dumps"}, "snapshots"),
        ({**FILES, "engine": "grafana", "exclude": ["*.log"]}, "exclude"),
        ({**FILES, "engine": "tar", "exclude": ["*.gz"]}, "exclude"),
        ({**FILES, "engine": "grafana", "contents": {"a": {"min_bytes": 2}}}, "contents"),
    ],
)
def test_a_setting_that_the_engine_ignores_is_refused(
    fields: dict[str, object], field: str
) -> None:
    """Nothing an operator writes is silently without effect."""
    assert _refusal(fields) == (field, f"is not for the engine `{fields['engine']}`")


@pytest.mark.parametrize(
    "fields",
    [
        {"engine": "meilisearch", "url": "http://meili:7700/", "password_file": "/run/key"},
        {"engine": "redis", "user": "backup", "password_file": "/run/redis"},
        {"engine": "prometheus", "url": "https://prometheus.example/base"},
        {"engine": "files", "contents": {"deep/token.json": {"format": "json", "keys": ["a"]}}},
    ],
)
def test_an_engine_takes_its_own_settings(fields: dict[str, object]) -> None:
    """What a driver needs to reach its engine can be written down."""
    volume = Volume.model_validate({**FILES, **fields})
    assert volume.engine == fields["engine"]
    assert not (volume.url or "").endswith("/")


@pytest.mark.parametrize("url", ["meili:7700", "http://", "ftp://meili", "http://me:pw@meili", 5])
def test_a_url_that_is_none_or_holds_a_secret_is_refused(url: object) -> None:
    """A password in a URL would be shown with it."""
    assert _refusal({**FILES, "engine": "meilisearch", "url": url})[0] == "url"


@pytest.mark.parametrize("path", ["/etc/passwd", "../token.json", "a//b", "a/./b", ""])
def test_a_path_that_leaves_its_volume_is_refused(path: str) -> None:
    """A rule is about a file inside the volume."""
    rules = {path: {"min_bytes": 10}}
    assert _refusal({**FILES, "contents": rules})[0].startswith("contents")
    meili = {**FILES, "engine": "meilisearch", "snapshots": path}
    assert _refusal(meili)[0] == "snapshots"


@pytest.mark.parametrize(
    "compression", ["0", "9", 6, "none", "gzip:9", "lz4:12", "zstd:3", "zstd:22"]
)
def test_pg_dumps_compressions_are_accepted(compression: object) -> None:
    """A level, or a method with its level; a bare number needs no quotes."""
    volume = Volume.model_validate({**POSTGRESQL, "compression": compression})
    assert volume.compression == str(compression)


@pytest.mark.parametrize(
    "compression",
    ["10", "-1", "", "zstd", "zstd:0", "zstd:23", "gzip:0", "lz4:13", "xz:1", True, 6.0],
)
def test_another_compression_is_refused(compression: object) -> None:
    """What pg_dump would refuse at three in the morning is refused when the file is read."""
    assert _refusal({**POSTGRESQL, "compression": compression}) == (
        "compression",
        "must be 0 to 9, none, gzip:1-9, lz4:1-12 or zstd:1-22",
    )


def test_a_recovery_point_objective_is_25_and_50_hours_by_default() -> None:
    """The decision record's thresholds are everybody's."""
    rpo = Volume.model_validate(FILES).rpo
    assert (rpo.warn, rpo.fail) == (timedelta(hours=25), timedelta(hours=50))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        (timedelta(hours=3), timedelta(hours=3)),
    ],
)
def test_durations_are_written_as_people_say_them(written: object, meant: timedelta) -> None:
    """Minutes, hours and days are enough."""
    assert RecoveryPointObjective.model_validate({"warn": written}).warn == meant


@pytest.mark.parametrize("written", ["25", 25, "25 h", "0h", "-1h", "1.5h", "25h30m", "1w", None])
def test_another_duration_is_refused(written: object) -> None:
    """A number without a unit could be anything."""
    assert _refusal({**FILES, "rpo": {"warn": written}}) == (
        "rpo.warn",
        "must be a duration such as 90m, 25h or 7d",
    )


@pytest.mark.parametrize("rpo", [{"warn": "50h"}, {"warn": "3d"}, {"fail": "20h"}])
def test_the_warning_comes_before_the_failure(rpo: dict[str, object]) -> None:
    """A warning that never comes first is a mistake, against the default of the other too."""
    field, said = _refusal({**FILES, "rpo": rpo})
    assert field == "rpo.fail"
    assert said.startswith("must be longer than `warn`, which is ")


@pytest.mark.parametrize("day", ["2027-02-30", "31.05.2027", 20270531, "", None])
def test_a_review_is_on_a_day_of_the_calendar(day: object) -> None:
    """A review that never comes would hide the volume for ever."""
    entry = {**EXCLUDED, "excluded": {"reason": "models", "review": day}}
    assert _refusal(entry) == (
        "excluded.review",
        "must be a day of the calendar such as 2027-05-31",
    )


@pytest.mark.parametrize("name", ["ledger", "Scheduled", "20261123", "7"])
def test_a_name_that_is_another_tag_is_refused(name: str) -> None:
    """Snapshots of such a volume could not be told from others by their tags."""
    assert _refusal({**FILES, "name": name}) == (
        "name",
        "cannot be a volume: it is a tag that snapshots use for something else",
    )


@pytest.mark.parametrize("field", ["name", "service"])
@pytest.mark.parametrize("name", ["a/b", "..", "a b", "a,b", "-a", ""])
def test_a_name_that_is_no_directory_or_tag_is_refused(field: str, name: str) -> None:
    """Names become paths, tags and asset keys as they are."""
    assert _refusal({**FILES, field: name})[0] == field


@pytest.mark.parametrize("name", ["-d", "a=b", "postgresql://x", "", "a\nb", "a" * 64])
def test_a_database_is_only_ever_a_name(name: str) -> None:
    """Neither a connection string nor an option passes as the name of a database."""
    assert _refusal({**POSTGRESQL, "databases": [name]})[0] == "databases.0"
    assert _refusal({**POSTGRESQL, "user": name})[0] == "user"


def test_a_database_is_named_once() -> None:
    """A database that is named twice hides one that is not named at all."""
    assert _refusal({**POSTGRESQL, "databases": ["alt", "alt"]}) == (
        "databases",
        "must name each database once",
    )


def test_a_password_file_inside_the_service_has_an_absolute_path() -> None:
    """Relative to what is nothing an operator can know there."""
    assert Volume.model_validate({**POSTGRESQL, "passfile": "/run/pass"}).passfile == "/run/pass"
    assert _refusal({**POSTGRESQL, "passfile": "pass"}) == (
        "passfile",
        "must be an absolute path inside the service",
    )


@pytest.mark.parametrize("pattern", ["", " *.tmp", "a\nb"])
def test_an_exclude_is_one_pattern(pattern: str) -> None:
    """A line break inside a pattern would be two patterns, and an empty one everything."""
    assert Volume.model_validate({**FILES, "exclude": ["*.tmp"]}).exclude == ("*.tmp",)
    assert _refusal({**FILES, "exclude": ["*.tmp", pattern]})[0] == "exclude.1"


def test_all_of_an_entrys_problems_come_together() -> None:
    """A rule about two fields does not wait until the other fields are right."""
    with pytest.raises(ValidationError) as caught:
        Volume.model_validate({**FILES, "category": "x", "databases": ["a"], "major": 0})
    assert [detail["loc"] for detail in caught.value.errors()] == [
        ("category",),
        ("major",),
        ("databases",),
    ]


def test_the_profiles_grow_to_everything() -> None:
    """Each profile holds the one before it, and the last one every category."""
    assert PROFILES["db"] < PROFILES["essential"] < PROFILES["all"] == {*get_args(Category)}
