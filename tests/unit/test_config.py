"""The configuration file: what loads, what is refused with which words, what is written again."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alt_backup_assets.config import (
    Configuration,
    DockerPlatform,
    LocalPlatform,
    as_yaml,
    configuration_path,
    load_configuration,
)
from alt_backup_assets.errors import ConfigurationError

PLATFORM = "platform: {kind: local, name: demo}\n"
REGISTRY = "registry: demo\n"
TIMEZONE = "timezone: Asia/Tokyo\n"
DIRECTORIES = "directories: {state: state}\n"
REPOSITORIES = "repositories:\n  local: {url: repo, password_file: secrets/local}\n"
SMALLEST = PLATFORM + REGISTRY + TIMEZONE + DIRECTORIES + REPOSITORIES

EVERYTHING = """
platform:
  kind: local
  name: demo
  services:
    db: {bin: [servers/17/bin, /usr/bin], env: {PGHOST: run, PGPASSFILE: /x/pgpass}, run_as: pg}
  volumes: {db_data_17: volumes/db, other: /srv/other}
registry: ../registry.yaml
timezone: Europe/Berlin
directories: {state: ./state, scratch: /scratch}
repositories:
  local: {url: repo, password_file: secrets/local, limit_upload_kib: 5}
  offsite:
    url: sftp:backup@host:/backups/alt/restic-repo
    password_file: secrets/offsite
    medium: other house
    append_only: true
    environment_files: {AWS_SECRET_ACCESS_KEY: secrets/aws}
    sftp: {port: 2222, identity_file: secrets/id, known_hosts_file: secrets/known_hosts}
schedules: {daily: "15  2 * * 1-5", hourly_snapshots: true}
workers: 4
restic: ./bin/restic
host: host-a
"""


def _written(directory: Path, content: str) -> Path:
    path = directory / "alt-backup.yaml"
    path.write_text(content)
    return path


def _problems(directory: Path, content: str) -> list[str]:
    path = _written(directory, content)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def _local(fields: str) -> str:
    return PLATFORM + REGISTRY + TIMEZONE + DIRECTORIES + f"repositories:\n  local: {fields}\n"


def _platform(fields: str) -> str:
    return f"platform: {fields}\n" + SMALLEST.removeprefix(PLATFORM)


def test_the_smallest_configuration_has_the_decision_records_defaults(tmp_path: Path) -> None:
    """What is not written is what the decision record says."""
    configuration = load_configuration(_written(tmp_path, SMALLEST))
    schedules = configuration.schedules
    assert (schedules.hourly, schedules.daily, schedules.offsite) == (
        "0 * * * *",
        "0 3 * * *",
        "0 5 * * *",
    )
    assert (schedules.metrics, schedules.weekly_drill) == ("30 * * * *", "0 6 * * 0")
    assert schedules.log_rotation == "0 4 * * *"
    assert configuration.repositories.local.retention.model_dump() == {
        "hourly": 24,
        "daily": 7,
        "weekly": 4,
        "monthly": 3,
    }
    assert configuration.repositories.offsite is None
    assert configuration.timezone == ZoneInfo("Asia/Tokyo")
    assert configuration.registry == "demo"
    assert configuration.restic == Path("restic")


def test_relative_paths_start_at_the_configuration_file(tmp_path: Path) -> None:
    """Every path of ours is absolute, wherever the command is started."""
    configuration = load_configuration(_written(tmp_path, EVERYTHING))
    platform, repositories = configuration.platform, configuration.repositories
    assert isinstance(platform, LocalPlatform)
    assert platform.volumes == {"db_data_17": tmp_path / "volumes/db", "other": Path("/srv/other")}
    assert platform.services["db"].bin == (tmp_path / "servers/17/bin", Path("/usr/bin"))
    assert configuration.directories.state == tmp_path / "state"
    assert configuration.directories.scratch == Path("/scratch")
    assert configuration.registry == str(tmp_path / "../registry.yaml")
    assert configuration.restic == tmp_path / "bin/restic"
    assert repositories.local.url == str(tmp_path / "repo")
    assert repositories.local.password_file == tmp_path / "secrets/local"
    assert repositories.offsite is not None
    assert repositories.offsite.sftp is not None
    assert repositories.offsite.url == "sftp:backup@host:/backups/alt/restic-repo"
    assert repositories.offsite.password_file == tmp_path / "secrets/offsite"
    assert repositories.offsite.sftp.identity_file == tmp_path / "secrets/id"
    assert repositories.offsite.sftp.known_hosts_file == tmp_path / "secrets/known_hosts"
    assert repositories.offsite.environment_files == {
        "AWS_SECRET_ACCESS_KEY": tmp_path / "secrets/aws"
    }
    assert repositories.offsite.retention.daily == 30
    assert configuration.schedules.daily == "15 2 * * 1-5"


def test_relative_paths_are_absolute_where_the_file_is_named_relatively(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--config alt-backup.yaml`` gives the same paths as the whole path of it."""
    path = _written(tmp_path, SMALLEST)
    monkeypatch.chdir(tmp_path)
    assert load_configuration(Path(path.name)) == load_configuration(path)


def test_a_part_of_the_offsite_retention_leaves_the_rest(tmp_path: Path) -> None:
    """To keep more days elsewhere does not mean to keep fewer weeks and months there."""
    content = SMALLEST + "  offsite: {url: 's3:x', password_file: p, retention: {daily: 60}}\n"
    offsite = load_configuration(_written(tmp_path, content)).repositories.offsite
    assert offsite is not None
    assert offsite.retention.model_dump() == {
        "hourly": 0,
        "daily": 60,
        "weekly": 12,
        "monthly": 6,
    }


@pytest.mark.parametrize(
    ("url", "loaded"),
    [
        ("/srv/repo", "/srv/repo"),
        ("local:repo", "local:{base}/repo"),
        ("s3:https://host:9000/bucket", "s3:https://host:9000/bucket"),
        ("rest:https://user@host:8000/", "rest:https://user@host:8000/"),
        ("sftp://user@host:2222//backups", "sftp://user@host:2222//backups"),
    ],
)
def test_repository_urls_are_those_of_restic(tmp_path: Path, url: str, loaded: str) -> None:
    """Any back end of restic is a repository; only a local directory starts at the file."""
    content = _local(f"{{url: '{url}', password_file: p}}")
    configuration = load_configuration(_written(tmp_path, content))
    assert configuration.repositories.local.url == loaded.format(base=tmp_path)


def test_a_docker_platform_loads(tmp_path: Path) -> None:
    """The other kind of platform has its own fields."""
    content = _platform(
        "{kind: docker, name: alt, project: alt, docker_host: 'tcp://proxy:2375', "
        "throwaway_cpus: 1}"
    )
    platform = load_configuration(_written(tmp_path, content)).platform
    assert isinstance(platform, DockerPlatform)
    assert platform.docker_host == "tcp://proxy:2375"
    assert platform.volumes_root == Path("/data")


@pytest.mark.parametrize("content", [SMALLEST, EVERYTHING])
def test_what_is_written_out_loads_as_the_same(tmp_path: Path, content: str) -> None:
    """``config show`` prints a configuration that means the same, from anywhere."""
    configuration = load_configuration(_written(tmp_path, content))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert load_configuration(_written(elsewhere, as_yaml(configuration))) == configuration


@pytest.mark.parametrize("name", ["no", "null", "1", "1e3", "0777", "12:30", "ü", "a: b", "true"])
def test_words_that_look_like_values_stay_words(tmp_path: Path, name: str) -> None:
    """Text that YAML could take for something else comes back as the same text."""
    configuration = load_configuration(_written(tmp_path, SMALLEST))
    local = configuration.repositories.local.model_copy(update={"medium": name})
    repositories = configuration.repositories.model_copy(update={"local": local})
    changed = configuration.model_copy(update={"repositories": repositories})
    assert load_configuration(_written(tmp_path, as_yaml(changed))) == changed


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (
            _local("{url: repo, pasword_file: p}"),
            [
                "field `repositories.local.password_file` is missing",
                "field `repositories.local.pasword_file` is unknown; did you mean `password_file`?",
            ],
        ),
        (SMALLEST + "colour: red\n", ["field `colour` is unknown"]),
        (SMALLEST + "worker: 2\n", ["field `worker` is unknown; did you mean `workers`?"]),
        (REGISTRY + TIMEZONE + DIRECTORIES + REPOSITORIES, ["field `platform` is missing"]),
        (_platform("[a]"), ["field `platform` must be a mapping of fields, not a list"]),
        (_platform("{name: demo}"), ["field `platform.kind` is missing"]),
        (
            _platform("{kind: dockr, name: demo}"),
            ["field `platform.kind` must be one of local, docker; did you mean `docker`?"],
        ),
        (
            _platform("{kind: local, name: demo, volums: {}}"),
            ["field `platform.volums` is unknown; did you mean `volumes`?"],
        ),
        (_platform("{kind: local}"), ["field `platform.name` is missing"]),
        (
            _platform("{kind: local, name: my host}"),
            ["field `platform.name` must be one word, without blanks"],
        ),
        (
            _platform("{kind: local, name: --json}"),
            ["field `platform.name` must be one word, without blanks"],
        ),
        (
            _platform("{kind: local, name: ''}"),
            ["field `platform.name` must have 1 characters or more"],
        ),
        (
            _platform("{kind: local, name: demo, volumes: {a/b: x}}"),
            [
                (
                    "field `platform.volumes.a/b` must be letters, digits, `_`, `.` and `-`, "
                    "and begin with a letter or digit"
                )
            ],
        ),
        (
            _platform("{kind: local, name: demo, services: {db: {env: {PGPORT: 5432}}}}"),
            [
                (
                    "field `platform.services.db.env.PGPORT` must be text, not a number; "
                    "put it in quotes"
                )
            ],
        ),
        (
            _platform("{kind: local, name: demo, services: {db: {env: {PGPASSWORD: x}}}}"),
            [
                (
                    "field `platform.services.db.env.PGPASSWORD` would be a secret in an "
                    "environment; use the path of a file instead"
                )
            ],
        ),
        (
            _platform("{kind: local, name: demo, services: {db: {env: {A=B: c}}}}"),
            ["field `platform.services.db.env.A=B` must be the name of an environment variable"],
        ),
        (
            _platform("{kind: local, name: demo, services: {db: {bni: []}}}"),
            ["field `platform.services.db.bni` is unknown; did you mean `bin`?"],
        ),
        (
            _platform("{kind: docker, name: demo, project: My Project}"),
            [
                (
                    "field `platform.project` must be lower-case letters, digits, `_` and `-`, "
                    "as Compose requires"
                )
            ],
        ),
        (
            _platform("{kind: docker, name: demo, project: alt, docker_host: localhost}"),
            [
                (
                    "field `platform.docker_host` must be an engine's URL such as "
                    "unix:///var/run/docker.sock"
                )
            ],
        ),
        (
            _platform("{kind: docker, name: d, project: a, throwaway_memory_mb: 1}"),
            ["field `platform.throwaway_memory_mb` must be 128 or more"],
        ),
        (
            _platform("{kind: docker, name: d, project: a, throwaway_cpus: 0}"),
            ["field `platform.throwaway_cpus` must be more than 0.0"],
        ),
        (
            _platform("{kind: docker, name: d, project: a, throwaway_cpus: many}"),
            ["field `platform.throwaway_cpus` must be a number, not text"],
        ),
        (SMALLEST + "workers: 0\n", ["field `workers` must be 1 or more"]),
        (SMALLEST + "workers: 33\n", ["field `workers` must be 32 or less"]),
        (SMALLEST + "workers: two\n", ["field `workers` must be a whole number, not text"]),
        (SMALLEST + "workers: 1.5\n", ["field `workers` must be a whole number, not a number"]),
        (
            SMALLEST + "schedules: {hourly_snapshots: perhaps}\n",
            ["field `schedules.hourly_snapshots` must be true or false, not text"],
        ),
        (
            SMALLEST + "host: a b\n",
            [
                (
                    "field `host` must be letters, digits, `_`, `.` and `-`, "
                    "and begin with a letter or digit"
                )
            ],
        ),
        *(
            (
                SMALLEST + f"{host}signals: {{neighbours: {{hosts: [amber, birch]}}}}\n",
                ["field `signals` must name other hosts than `host` as `neighbours.hosts`"],
            )
            for host in ("", "host: amber\n")
        ),
        (SMALLEST + "restic: ''\n", ["field `restic` must not be empty"]),
        (SMALLEST + "restic: [x]\n", ["field `restic` must be a path, not a list"]),
        (
            SMALLEST.replace("Asia/Tokyo", "Asia/Tokio"),
            ["field `timezone` must be a time zone such as Asia/Tokyo; did you mean `Asia/Tokyo`?"],
        ),
        (
            SMALLEST.replace("Asia/Tokyo", "+09:00"),
            ["field `timezone` must be a time zone such as Asia/Tokyo"],
        ),
        (
            SMALLEST.replace("state: state", "state: ~/state"),
            [
                (
                    "field `directories.state` must be spelled out: what `~` means depends on "
                    "who runs this"
                )
            ],
        ),
        (
            SMALLEST.replace("state: state", 'state: "a\\nb"'),
            ["field `directories.state` must not have line breaks or control characters"],
        ),
        (
            SMALLEST.replace("state: state", "state: 5"),
            ["field `directories.state` must be a path, not a number"],
        ),
        (
            SMALLEST.replace("{state: state}", ""),
            ["field `directories` must be a mapping of fields, not empty"],
        ),
        (
            _local("{url: '', password_file: p}"),
            ["field `repositories.local.url` must not be empty"],
        ),
        (
            _local("{url: 'sfpt:host:/x', password_file: p}"),
            [
                (
                    "field `repositories.local.url` must be a directory or begin with a back end "
                    "of restic; did you mean `sftp`?"
                )
            ],
        ),
        (
            _local("{url: 'sftp:host:/a b', password_file: p}"),
            ["field `repositories.local.url` must be one word, without blanks"],
        ),
        (
            _local("{url: repo, password_file: p, sftp: {identity_file: i, known_hosts_file: k}}"),
            ["field `repositories.local.sftp` is only for a `url` that begins with sftp:"],
        ),
        (
            _local("{url: 'sftp:h:/x', password_file: p, sftp: {port: 0, identity_file: i}}"),
            [
                "field `repositories.local.sftp.port` must be 1 or more",
                "field `repositories.local.sftp.known_hosts_file` is missing",
            ],
        ),
        (
            SMALLEST + "  offsite: {url: ./repo, password_file: p}\n",
            ["field `repositories.offsite` must have another `url` than `repositories.local`"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_field(
    tmp_path: Path, content: str, problems: list[str]
) -> None:
    """Each wrong field is one line: the file, the field, and what is allowed."""
    assert _problems(tmp_path, content) == problems


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """An operator corrects a file once, and not once per error."""
    content = (
        "platform: {kind: local, name: a b, x: 1}\nregistry: 5\ntimezone: Mars\n"
        "directories: {}\nrepositories: {local: {url: repo}}\nschedules: {daily: never}\n"
    )
    assert [problem.split("`")[1] for problem in _problems(tmp_path, content)] == [
        "platform.name",
        "platform.x",
        "registry",
        "timezone",
        "directories.state",
        "repositories.local.password_file",
        "schedules.daily",
    ]


def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """A secret belongs in a file; where it was written by mistake, no message shows it."""
    [problem] = _problems(
        tmp_path, _local("{url: 'rest:https://user:hunter2@host/', password_file: p}")
    )
    assert problem.startswith("field `repositories.local.url` must not hold a password")
    assert "hunter2" not in problem


@pytest.mark.parametrize("zone", ["Asia", "../Asia/Tokyo", "/etc/localtime", "''"])
def test_a_directory_of_zones_is_no_time_zone(tmp_path: Path, zone: str) -> None:
    """What the zone files hold beside zones is refused, and so is what is outside of them."""
    [problem] = _problems(tmp_path, SMALLEST.replace("Asia/Tokyo", zone))
    assert problem.startswith("field `timezone` must be a time zone such as Asia/Tokyo")


def test_a_secret_under_a_wrong_name_is_not_repeated(tmp_path: Path) -> None:
    """What an unknown field holds is nobody's to print."""
    [problem] = _problems(tmp_path, _local("{url: repo, password_file: p, password: hunter2}"))
    assert problem == (
        "field `repositories.local.password` is unknown; did you mean `password_file`?"
    )


def test_an_explicit_configuration_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--config`` is used even where the environment names another file."""
    monkeypatch.setenv("ALT_BACKUP_CONFIG", "/etc/other.yaml")
    assert configuration_path(Path("mine.yaml")) == Path("mine.yaml")


def test_the_environment_names_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``--config`` the environment variable is read."""
    monkeypatch.setenv("ALT_BACKUP_CONFIG", "/etc/other.yaml")
    assert configuration_path(None) == Path("/etc/other.yaml")


@pytest.mark.parametrize("value", [None, ""])
def test_no_configuration_is_an_error_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """Neither given nor set: the message says how to do either."""
    monkeypatch.delenv("ALT_BACKUP_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("ALT_BACKUP_CONFIG", value)
    with pytest.raises(ConfigurationError, match=r"give --config FILE or set ALT_BACKUP_CONFIG"):
        configuration_path(None)


def test_a_missing_configuration_file_is_named(tmp_path: Path) -> None:
    """A wrong path is reported as such, not as an empty configuration."""
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_configuration(tmp_path / "none.yaml")


def test_a_configuration_made_in_code_keeps_its_paths() -> None:
    """Where there is no file, a relative path has nothing to start from and stays."""
    made = Configuration.model_validate(
        {
            "platform": {"kind": "local", "name": "demo"},
            "registry": "demo",
            "timezone": "UTC",
            "directories": {"state": "state"},
            "repositories": {"local": {"url": "repo", "password_file": Path("/p")}},
        }
    )
    assert made.directories.state == Path("state")
    assert made.repositories.local.password_file == Path("/p")
