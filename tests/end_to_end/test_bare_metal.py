"""Every engine backed up, proven, destroyed and brought back; and what stops one stops no other.

The commands of the way back are read from ``docs/runbook.md``, so that it cannot promise what does
not run. They run on a Docker engine of their own that has no container and no volume.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.end_to_end.empty_engine import empty_engine
from tests.end_to_end.every_engine import (
    IMAGES,
    SERVER,
    STRANGER,
    Machine,
    every_engine,
    volumes,
)
from tests.sites import ROOT

pytestmark = pytest.mark.end_to_end

RUNBOOK = ROOT / "docs" / "runbook.md"


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Iterator[Machine]:
    with every_engine(tmp_path_factory.mktemp("every"), restic_binary) as machine:
        yield machine


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one volume.

    Attributes:
        volume: Its name.
        said: What the error must say.
    """

    volume: str
    said: str


def backed_up(machine: Machine) -> dict[str, str | None]:
    """Back everything up; return each volume's error, the exit code having been the right one."""
    done = machine.call("alt-backup", "backup", "--json")
    report = json.loads(done.stdout)
    errors = {volume["name"]: volume["error"] for volume in report["volumes"]}
    assert done.returncode == (2 if any(errors.values()) else 0), done.stdout
    assert report["verdict"] == ("FAILED" if any(errors.values()) else "GOOD")
    return errors


def let_in(machine: Machine, *, allowed: bool) -> None:
    """Say whether a database takes connections."""
    said = f"ALTER DATABASE kratos ALLOW_CONNECTIONS {allowed}"
    done = machine.sql("kratos_db_data", said, "-d", "postgres")
    assert done.returncode == 0, done.stderr


def assert_only(errors: dict[str, str | None], faults: list[Fault]) -> None:
    """Fail unless exactly these volumes failed, each with what its message must say."""
    found = {name: error for name, error in errors.items() if error}
    assert found.keys() == {fault.volume for fault in faults}, found
    for fault in faults:
        assert re.search(fault.said, found[fault.volume]), (fault, found[fault.volume])


def test_services_that_are_gone(machine: Machine) -> None:
    """Each is named with what to do; the volumes of the others are backed up."""
    gone = {
        "kratos_db_data": "kratos-db",
        "redis-streams-data": "redis-streams",
        "clickhouse_data": "clickhouse",
        "meili_data": "meilisearch",
        "prometheus_data": "prometheus",
    }
    machine.run(f"docker compose stop --timeout 2 {' '.join(gone.values())}")
    tokens = machine.directory("oauth_token_data") / "token.json"
    whole = tokens.read_bytes()
    tokens.write_bytes(b"")
    grafana = machine.directory("grafana_data") / "grafana.db"
    grafana.rename(grafana.with_suffix(".away"))
    try:
        errors = backed_up(machine)
    finally:
        tokens.write_bytes(whole)
        grafana.with_suffix(".away").rename(grafana)
        machine.run(f"docker compose start {' '.join(gone.values())}")
        machine.run("docker compose up -d --wait")
    assert_only(
        errors,
        [
            *(Fault(volume, service) for volume, service in gone.items()),
            Fault("oauth_token_data", r"token\.json has 0 bytes, and must have at least 1"),
            Fault("grafana_data", r"grafana\.db"),
        ],
    )


def test_what_an_engine_refuses(machine: Machine) -> None:
    """Each says it in its own words; the volumes of the others are backed up."""
    key = machine.key.read_text()
    tokens = machine.directory("oauth_token_data") / "token.json"
    whole = tokens.read_bytes()
    grafana = machine.directory("grafana_data") / "grafana.db"
    database = grafana.read_bytes()
    snapshots = machine.directory("prometheus_data") / "snapshots"
    let_in(machine, allowed=False)
    machine.redis("CONFIG SET requirepass somebody-set-one")
    machine.key.write_text("another-key\n")
    shutil.rmtree(snapshots, ignore_errors=True)
    snapshots.touch()
    tokens.write_text('{"refresh_token": ""}')
    grafana.write_bytes(database[: len(database) // 3])
    try:
        errors = backed_up(machine)
    finally:
        machine.key.write_text(key)
        snapshots.unlink()
        tokens.write_bytes(whole)
        grafana.write_bytes(database)
        machine.run("docker compose restart --timeout 5 redis-streams")
        let_in(machine, allowed=True)
    assert "somebody-set-one" not in str(errors)
    assert "another-key" not in str(errors)
    assert_only(
        errors,
        [
            Fault("kratos_db_data", "not currently accepting connections"),
            Fault("redis-streams-data", "NOAUTH"),
            Fault("clickhouse_data", "Authentication failed"),
            Fault("meili_data", "API key is invalid"),
            Fault("prometheus_data", "snapshot"),
            Fault("oauth_token_data", "has nothing under refresh_token"),
            Fault("grafana_data", r"grafana\.db"),
        ],
    )


def test_a_volume_nobody_registered_is_named(machine: Machine) -> None:
    """Drift is 1, and the stranger is the only one it is about."""
    done = machine.call("alt-backup", "drift", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    states = {volume["name"]: volume["state"] for volume in json.loads(done.stdout)["volumes"]}
    assert states.pop(STRANGER) == "unplanned"
    assert set(states.values()) == {"planned", "excluded"}


def _commands() -> list[str]:
    """Return the runbook's commands, in order."""
    return re.findall(r"^\s*\$ (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)


def test_the_runbook_brings_everything_back(machine: Machine) -> None:
    """Engine, volumes and local repository are lost; its commands bring all of it back, equal."""
    for command in ("alt-backup backup", "alt-backup offsite"):
        machine.run(command)
    drilled = json.loads(machine.run("alt-backup drill --json"))
    proven = {volume["name"] for volume in drilled["volumes"] if volume["verdict"] == "PROVEN"}
    planned = {name for name, entry in volumes(machine.key).items() if "engine" in entry}
    assert proven == planned
    assert len(planned) == len(SERVER) + 6
    assert list((machine.directory("prometheus_data") / "snapshots").iterdir()) == []
    before = machine.facts()
    assert len(before["prometheus"].splitlines()) > 100
    machine.run("docker compose down --volumes --timeout 2")
    site = machine.config.parent
    for gone in (site / "repository", site / "state"):
        shutil.rmtree(gone)
    with TemporaryDirectory(prefix="ab-") as room, empty_engine(Path(room), IMAGES) as bare:
        machine.engine = bare
        try:
            for command in _commands():
                machine.run(command, check=command != "alt-backup status")
            assert machine.facts() == before
        finally:
            machine.run("docker compose down --volumes --timeout 2")
            machine.engine = {}
