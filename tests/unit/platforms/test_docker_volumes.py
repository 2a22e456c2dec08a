"""The volumes of a project, put together from Compose's answer and the engine's listings.

The engine's client is a script here, and Compose a program that is one; the real ones are in
``tests/end_to_end/test_drift.py``.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import requests
from docker.api.client import APIClient
from docker.errors import APIError, NotFound

from alt_backup_assets.config import DockerPlatform
from alt_backup_assets.errors import PlatformError, ToolFailed
from alt_backup_assets.platforms.docker_volumes import list_volumes
from alt_backup_assets.platforms.live_volumes import PlatformVolume, PlatformVolumes

RANDOM = "ab" * 32
Json = dict[str, object]


@dataclass
class FakeApi:
    """The three calls of the engine's client that are used, from a script.

    Attributes:
        held: What a directory of a container holds, by the directory.
        failing: What a call raises, by its name.
        calls: The name of every call.
    """

    containers_: list[Json] = field(default_factory=list)
    volumes_: list[Json] = field(default_factory=list)
    held: dict[str, bytes] = field(default_factory=dict)
    failing: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]

    def containers(self, *, all: bool, filters: Json) -> list[Json]:  # noqa: A002
        """Answer with the project's containers."""
        assert all
        assert filters == {"label": ["com.docker.compose.project=alt"]}
        self._called("containers")
        return self.containers_

    def volumes(self) -> Json:
        """Answer with every volume of the engine."""
        self._called("volumes")
        return {"Volumes": self.volumes_}

    def get_archive(self, container: str, path: str) -> tuple[Iterator[bytes], Json]:
        """Send a directory, a few bytes at a time."""
        self._called("get_archive")
        data = self.held[path.removesuffix("/.")]
        return (data[at : at + 100] for at in range(0, len(data), 100)), {"id": container}

    def container(self, service: str, *volumes: str, one_off: bool = False) -> None:
        """Add a container that mounts volumes, each at its name."""
        labels = {"com.docker.compose.service": service, "com.docker.compose.oneoff": str(one_off)}
        mounts: list[Json] = [{"Type": "bind", "Source": "/etc", "Destination": "/etc"}]
        mounts += [{"Type": "volume", "Name": v, "Destination": f"/{v}"} for v in volumes]
        self.containers_.append({"Id": "c1", "Image": "img", "Labels": labels, "Mounts": mounts})

    def volume(self, name: str, key: str | None = None, project: str = "alt") -> None:
        """Add a volume, labelled by Compose where it has a key."""
        labels = {"com.docker.compose.project": project, "com.docker.compose.volume": key}
        self.volumes_.append({"Name": name, "Labels": labels if key else None})


def _archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        directory = tarfile.TarInfo("./")
        directory.type = tarfile.DIRTYPE
        for member in (directory, *(tarfile.TarInfo(f"./{name}") for name in names)):
            tar.addfile(member)
    return buffer.getvalue()


def _list(api: FakeApi, *files: Path) -> PlatformVolumes:
    config = DockerPlatform(kind="docker", name="x", project="alt", compose_files=files)
    return list_volumes(cast("APIClient", api), config)


def _by_name(found: PlatformVolumes) -> dict[str, PlatformVolume]:
    return {volume.name: volume for volume in found.volumes}


def _services(volume: PlatformVolume) -> list[str]:
    return [mount.service for mount in volume.mounted_by or ()]


Compose = Callable[[Json, dict[str, Json]], Path]


@pytest.fixture(name="compose")
def _compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compose:
    """Put a program on the PATH that answers like Compose, and keeps count in a file."""

    def answers(services: Json, volumes: dict[str, Json]) -> Path:
        (tmp_path / "answer").write_text(json.dumps({"services": services, "volumes": volumes}))
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\necho >>{tmp_path}/calls\ncat {tmp_path}/answer\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return tmp_path / "calls"

    return answers


def _mounting(*keys: str) -> Json:
    return {"volumes": [{"type": "volume", "source": key, "target": f"/{key}"} for key in keys]}


def test_volumes_of_the_project_are_listed_with_who_mounts_them() -> None:
    """Labelled volumes have their name in the compose file, and the engine's as an alias."""
    api = FakeApi()
    api.volume("alt_db_data", "db_data")
    api.volume("alt_idle", "idle")
    api.volume("other_db_data", "db_data", project="other")
    api.container("db", "alt_db_data")
    api.container("db", "alt_idle", one_off=True)
    found = _list(api)
    assert [volume.name for volume in found.volumes] == ["db_data", "idle"]
    assert _by_name(found)["db_data"].aliases == ("alt_db_data", "db_data")
    assert _services(_by_name(found)["db_data"]) == ["db"]
    assert _services(_by_name(found)["idle"]) == []
    assert not found.declared
    assert found.complete


def test_volumes_of_others_are_listed_where_the_project_mounts_them() -> None:
    """A volume without a label, or of another project, counts once a container mounts it."""
    api = FakeApi()
    api.volume("elsewhere")
    api.volume("other_shared", "shared", project="other")
    api.volume("not_ours")
    api.container("web", "elsewhere", "other_shared")
    assert set(_by_name(_list(api))) == {"elsewhere", "other_shared"}


def test_an_anonymous_volume_counts_where_it_holds_data() -> None:
    """An empty one is not listed, and neither is one that no container mounts."""
    for names, listed in (((), []), (("file",), [RANDOM])):
        api = FakeApi(held={f"/{RANDOM}": _archive(*names)})
        api.volume(RANDOM)
        api.volume("cd" * 32)
        api.container("web", RANDOM)
        found = _list(api).volumes
        assert [volume.name for volume in found] == listed
        assert all(volume.anonymous for volume in found)


def test_an_anonymous_volume_nobody_can_look_into_counts() -> None:
    """Its container vanished while it was asked: unknown is not empty."""
    api = FakeApi(failing={"get_archive": NotFound("no such container")})
    api.volume(RANDOM)
    api.container("web", RANDOM)
    assert [volume.name for volume in _list(api).volumes] == [RANDOM]


@pytest.mark.parametrize("call", ["containers", "volumes", "get_archive"])
@pytest.mark.parametrize(
    "error", [requests.ConnectionError("gone"), requests.Timeout("slow"), APIError("no")]
)
def test_an_engine_that_does_not_answer_is_an_error(call: str, error: Exception) -> None:
    """Away, too slow or refusing: never an empty list."""
    api = FakeApi(failing={call: error})
    api.volume(RANDOM)
    api.container("web", RANDOM)
    with pytest.raises(PlatformError, match="the Docker engine"):
        _list(api)


def test_declared_and_live_volumes_are_put_together(compose: Compose, tmp_path: Path) -> None:
    """A fixed name, a volume not made yet and one of somebody else meet their declarations."""
    compose(
        {"db": _mounting("db_data", "later"), "web": _mounting("ext")},
        {
            "db_data": {"name": "fixed"},
            "later": {"name": "alt_later"},
            "ext": {"name": "elsewhere", "external": True},
        },
    )
    api = FakeApi()
    api.volume("fixed", "db_data")
    api.volume("elsewhere")
    api.container("db", "fixed")
    found = _list(api, tmp_path / "compose.yaml")
    volumes = _by_name(found)
    assert found.declared
    assert set(volumes) == {"db_data", "later", "elsewhere"}
    assert (volumes["db_data"].exists, _services(volumes["db_data"])) == (True, ["db"])
    assert (volumes["later"].exists, _services(volumes["later"])) == (False, [])
    assert (volumes["elsewhere"].exists, _services(volumes["elsewhere"])) == (True, [])
    assert volumes["elsewhere"].aliases == ("elsewhere", "elsewhere", "ext")


def test_a_volume_that_was_given_another_name_leaves_the_old_one_over(
    compose: Compose, tmp_path: Path
) -> None:
    """Two volumes of one key: the declared one has the name, the other its full name."""
    compose({"db": _mounting("db_data")}, {"db_data": {"name": "renamed"}})
    api = FakeApi()
    api.volume("alt_db_data", "db_data")
    api.volume("renamed", "db_data")
    api.container("db", "renamed")
    volumes = _by_name(_list(api, tmp_path / "compose.yaml"))
    assert set(volumes) == {"db_data", "alt_db_data"}
    assert volumes["db_data"].aliases[0] == "renamed"


def test_compose_failing_is_an_error_though_the_engine_answers(
    compose: Compose, tmp_path: Path
) -> None:
    """Without the declared side there is no comparison, and so no answer."""
    compose({}, {})
    with pytest.raises(ToolFailed):
        _list(FakeApi(), tmp_path / "compose.yaml")


def test_forty_volumes_of_several_files_take_one_call_of_each(
    compose: Compose, tmp_path: Path
) -> None:
    """However many volumes there are, Compose is asked once and the engine twice."""
    keys = [f"data_{number}" for number in range(40)]
    calls = compose(
        {f"s{key}": _mounting(key) for key in keys}, {key: {"name": f"alt_{key}"} for key in keys}
    )
    api = FakeApi()
    for key in keys:
        api.volume(f"alt_{key}", key)
        api.container(f"s{key}", f"alt_{key}")
    found = _list(api, *(tmp_path / f"{number}.yaml" for number in range(5)))
    assert len(found.volumes) == 40
    assert all(volume.declared_by and volume.mounted_by for volume in found.volumes)
    assert api.calls == ["containers", "volumes"]
    assert calls.read_text().count("\n") == 1
