"""Registry files: where they are found, what loads, and every refusal with its words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.load import load_registry

DB = "{service: db, category: critical, engine: postgresql, databases: [alt], user: u}"
FILES = "{service: auth, category: data, engine: files}"


def _written(directory: Path, content: str) -> Path:
    path = directory / "registry.yaml"
    path.write_text(content)
    return path


def _volumes(**entries: str) -> str:
    return "volumes:\n" + "".join(f"  {name}: {entry}\n" for name, entry in entries.items())


def _problems(directory: Path, content: str) -> list[str]:
    path = _written(directory, content)
    with pytest.raises(ConfigurationError) as caught:
        load_registry(str(path))
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_volumes_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """The order an operator wrote is the order things are shown and done in."""
    path = _written(tmp_path, _volumes(zeta=DB, alpha=FILES))
    registry = load_registry(str(path))
    assert [volume.name for volume in registry.volumes] == ["zeta", "alpha"]
    assert registry.source == str(path)


def test_a_relative_registry_starts_where_it_is_told_to(tmp_path: Path) -> None:
    """The name of a file is found beside the file that names it."""
    path = _written(tmp_path, _volumes(a=FILES))
    assert load_registry("registry.yaml", relative_to=tmp_path) == load_registry(str(path))


def test_a_configuration_names_its_registry(tmp_path: Path) -> None:
    """The whole configuration is as good as the name in it."""
    path = _written(tmp_path, _volumes(a=FILES))
    configuration = Configuration.model_validate(
        {
            "platform": {"kind": "local", "name": "demo"},
            "registry": str(path),
            "timezone": "UTC",
            "directories": {"state": "/state"},
            "repositories": {"local": {"url": "/repo", "password_file": "/p"}},
        }
    )
    assert load_registry(configuration) == load_registry(str(path))


def test_the_files_defaults_are_every_entrys(tmp_path: Path) -> None:
    """An entry has the file's defaults, and may tighten a part of them."""
    content = "defaults: {rpo: {warn: 20h, fail: 100h}, keep_dumps_days: 3}\n" + _volumes(
        plain=FILES,
        tight="{service: auth, category: data, engine: files, rpo: {fail: 30h}}",
        late="{service: auth, category: data, engine: files, rpo: {warn: 60h}}",
        short="{service: auth, category: data, engine: files, keep_dumps_days: 1}",
    )
    volumes = load_registry(str(_written(tmp_path, content))).volumes
    hours = [tuple(span // timedelta(hours=1) for _, span in volume.rpo) for volume in volumes]
    assert hours == [(20, 100), (20, 30), (60, 100), (20, 100)]
    assert [volume.keep_dumps_days for volume in volumes] == [3, 3, 3, 1]


def test_without_defaults_the_products_own_hold(tmp_path: Path) -> None:
    """The file's defaults are optional."""
    [volume] = load_registry(str(_written(tmp_path, _volumes(a=FILES)))).volumes
    assert (volume.rpo.warn, volume.keep_dumps_days) == (timedelta(hours=25), 7)


def test_entries_may_share_an_anchor(tmp_path: Path) -> None:
    """What several entries have in common can be written once."""
    content = (
        f"volumes:\n  a: &files {FILES}\n  b: {{<<: *files, service: other, exclude: ['*.tmp']}}\n"
    )
    volumes = load_registry(str(_written(tmp_path, content))).volumes
    assert [volume.service for volume in volumes] == ["auth", "other"]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (
            _volumes(a="{service: a, category: dta, engine: fils}"),
            [
                (
                    "field `volumes.a.category` must be one of critical, data, search, metrics, "
                    "models; did you mean `data`?"
                ),
                (
                    "field `volumes.a.engine` must be one of postgresql, files, meilisearch, "
                    "clickhouse, redis, prometheus, grafana, tar; did you mean `files`?"
                ),
            ],
        ),
        (
            _volumes(a="{service: a, category: data, engine: oracle}"),
            [
                (
                    "field `volumes.a.engine` must be one of postgresql, files, meilisearch, "
                    "clickhouse, redis, prometheus, grafana, tar"
                )
            ],
        ),
        (
            _volumes(a="{service: a, category: data, engine: 5}"),
            [
                (
                    "field `volumes.a.engine` must be one of postgresql, files, meilisearch, "
                    "clickhouse, redis, prometheus, grafana, tar"
                )
            ],
        ),
        (
            _volumes(a="{servce: a, category: data, engine: files}"),
            [
                "field `volumes.a.service` is missing",
                "field `volumes.a.servce` is unknown; did you mean `service`?",
            ],
        ),
        (
            _volumes(a="{name: a, service: a, category: data, engine: files}"),
            ["field `volumes.a.name` is unknown"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, rpo: {wran: 5h}}"),
            ["field `volumes.a.rpo.wran` is unknown; did you mean `warn`?"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, rpo: {warn: 50h}}"),
            ["field `volumes.a.rpo.fail` must be longer than `warn`, which is 50h"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, rpo: 25h}"),
            ["field `volumes.a.rpo` must be a mapping of fields, not text"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, exclude: '*.tmp'}"),
            ["field `volumes.a.exclude` must be a list, not text"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, exclude: [5]}"),
            ["field `volumes.a.exclude[0]` must be text, not a number; put it in quotes"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, keep_dumps_days: -1}"),
            ["field `volumes.a.keep_dumps_days` must be 0 or more"],
        ),
        (
            _volumes(a="{service: a, category: data, engine: files, timeout_minutes: 0}"),
            ["field `volumes.a.timeout_minutes` must be 1 or more"],
        ),
        (
            _volumes(a="{service: a, category: data, excluded: {reason: x, review: 2027-02-30}}"),
            [
                "field `volumes.a.excluded.reason` must have 3 characters or more",
                (
                    "field `volumes.a.excluded.review` must be a day of the calendar such as "
                    "2027-05-31"
                ),
            ],
        ),
        (
            _volumes(a="{service: a, category: data}"),
            [
                (
                    "field `volumes.a.excluded` is missing, and so is `engine`: a volume is either "
                    "planned or excluded with a reason"
                )
            ],
        ),
        (
            _volumes(a="{service: a, category: data, engine: postgresql, databases: []}"),
            [
                "field `volumes.a.databases` is missing: the engine `postgresql` needs it",
                "field `volumes.a.user` is missing: the engine `postgresql` needs it",
            ],
        ),
        (_volumes(a=""), ["field `volumes.a` must be a mapping of fields, not empty"]),
        (
            _volumes(scheduled=FILES),
            [
                (
                    "field `volumes.scheduled` cannot be a volume: it is a tag that snapshots use "
                    "for something else"
                )
            ],
        ),
        (
            _volumes(canary=FILES),
            [
                (
                    "field `volumes.canary` cannot be a volume: it is a tag that snapshots use "
                    "for something else"
                )
            ],
        ),
        (
            "volumes:\n  'a b': " + FILES,
            [
                (
                    "field `volumes.a b` must be letters, digits, `_`, `.` and `-`, and begin with "
                    "a letter or digit"
                )
            ],
        ),
        ("volumes: {}\n", ["field `volumes` must have 1 entries or more"]),
        ("volumes: [a]\n", ["field `volumes` must be a mapping of fields, not a list"]),
        ("defaults: {}\n", ["field `volumes` is missing"]),
        (
            "volums: {}\n" + _volumes(a=FILES),
            ["field `volums` is unknown; did you mean `volumes`?"],
        ),
        (
            "defaults: {rpo: {warn: 5}, keep: 1}\n" + _volumes(a=FILES, b=FILES),
            [
                "field `defaults.rpo.warn` must be a duration such as 90m, 25h or 7d",
                "field `defaults.keep` is unknown",
            ],
        ),
        (
            "defaults: 7\n" + _volumes(a=FILES),
            ["field `defaults` must be a mapping of fields, not a number"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_field(
    tmp_path: Path, content: str, problems: list[str]
) -> None:
    """Each wrong field is one line: the file, the field, and what is allowed."""
    assert _problems(tmp_path, content) == problems


@pytest.mark.parametrize("other", ["a-b", "A_B", "a.b"])
def test_names_that_are_easily_taken_for_each_other_are_refused(tmp_path: Path, other: str) -> None:
    """A hyphen for an underscore once dropped a volume; here two such names cannot be."""
    assert _problems(tmp_path, f"volumes:\n  a_b: {FILES}\n  {other}: {FILES}\n") == [
        (
            f"field `volumes.{other}` is easily taken for `a_b`: names must differ in more than "
            "case, `_`, `-` and `.`"
        )
    ]


def test_near_duplicates_are_reported_with_everything_else(tmp_path: Path) -> None:
    """A problem across entries does not wait until the entries are right."""
    content = _volumes(a_b=FILES, A_B="{service: a, category: dta, engine: files}")
    assert [problem.split("`")[1] for problem in _problems(tmp_path, content)] == [
        "volumes.A_B",
        "volumes.A_B.category",
    ]


def test_one_database_under_two_volumes_is_refused(tmp_path: Path) -> None:
    """A copied entry would back up one database twice and the other never."""
    assert _problems(tmp_path, _volumes(db_data=DB, recap_data=DB)) == [
        (
            "field `volumes` has the database `alt` of service `db` twice: under `db_data` and "
            "under `recap_data`"
        )
    ]


def test_a_volume_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    """Of two entries with one name, YAML would keep the last in silence."""
    path = _written(tmp_path, f"volumes:\n  a: {FILES}\n  b: {FILES}\n  a: {DB}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_registry(str(path))
    assert str(caught.value) == f"{path}:4: `a` is there twice, first in line 2"


def test_an_unknown_registry_is_refused_with_the_near_miss() -> None:
    """A bare word is one that ships, or an error that says what ships."""
    with pytest.raises(ConfigurationError) as caught:
        load_registry("dmeo")
    assert str(caught.value) == (
        "there is no registry `dmeo`; it is the path of a .yaml file, or one that ships: "
        "alt, demo; did you mean `demo`?"
    )


@pytest.mark.parametrize("name", ["none.yaml", "./none", "none.yml"])
def test_a_missing_registry_file_is_named(tmp_path: Path, name: str) -> None:
    """What looks like a file is looked for as a file."""
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_registry(name, relative_to=tmp_path)
