"""`alt-backup backup` and `alt-backup status` on failures: red, whatever else went well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.site import open_site
from tests.end_to_end.stack import Stack, assert_nothing_left
from tests.sites import FILES, Settings, alt_backup, database

pytestmark = pytest.mark.end_to_end

GOOD, FAILED, WRONG_USAGE = 0, 2, 64
HEALTHY: dict[str, Settings] = {
    "kratos_db_data": database("kratos-db", "kratos_user", "postgres"),
    "oauth_token_data": FILES,
}


def answer(config: Path, verb: str) -> tuple[int, dict[str, Any]]:
    """Run a verb and return its exit code and its JSON."""
    done = alt_backup(config, verb, "--json")
    said: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, said


def by_name(said: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an answer's volumes by name."""
    return {volume["name"]: volume for volume in said["volumes"]}


def test_one_failing_dump(stack: Stack, tmp_path: Path) -> None:
    """The exit code is 2 and the status red; the healthy volumes have their snapshots."""
    broken = database("db", "alt_db_user", "no_such_database")
    config = stack.site(tmp_path, volumes={"db_data_17": broken, **HEALTHY})
    code, said = answer(config, "backup")
    volumes = by_name(said)
    assert (code, said["verdict"]) == (FAILED, "FAILED")
    assert volumes["db_data_17"]["verdict"] == "FAILED"
    assert 'database "no_such_database" does not exist' in volumes["db_data_17"]["error"]
    assert volumes["db_data_17"]["snapshot"] is None
    assert all(volumes[name]["snapshot"] and not volumes[name]["error"] for name in HEALTHY)
    code, said = answer(config, "status")
    assert (code, said["verdict"]) == (FAILED, "CRITICAL")
    assert said["missing_volumes"] == ["db_data_17"]
    assert any(reason.startswith("db_data_17: ") for reason in said["reasons"])
    assert {name for name, v in by_name(said).items() if v["latest_snapshot"]} == set(HEALTHY)
    assert_nothing_left(stack.project, open_site(config))


def test_every_dump_failing(stack: Stack, tmp_path: Path) -> None:
    """The exit code is 2, every volume is named with its reason, and there is no snapshot."""
    volumes = {
        "db_data_17": database("no-such-db", "alt_db_user", "alt"),
        "kratos_db_data": database("kratos-db", "nobody", "kratos"),
        "tokens": FILES,
    }
    config = stack.site(tmp_path, volumes=volumes)
    code, said = answer(config, "backup")
    errors = {name: volume["error"] for name, volume in by_name(said).items()}
    assert (code, said["verdict"]) == (FAILED, "FAILED")
    assert "no container of a service `no-such-db`" in errors["db_data_17"]
    assert 'role "nobody" does not exist' in errors["kratos_db_data"]
    assert "no volume `tokens`" in errors["tokens"]
    code, said = answer(config, "status")
    assert (code, said["verdict"]) == (FAILED, "CRITICAL")
    assert said["actual_volumes"] == 0
    assert_nothing_left(stack.project, open_site(config))


def test_no_dump_attempted(stack: Stack, tmp_path: Path) -> None:
    """A run that attempts nothing is wrong usage, never a success; nor is its status good."""
    excluded = {"reason": "nobody needs it", "review": "2099-01-01"}
    entry: Settings = {"service": "db", "category": "models", "excluded": excluded}
    config = stack.site(tmp_path, volumes={"models": entry})
    code, said = answer(config, "backup")
    assert (code, said["verdict"]) == (WRONG_USAGE, "FAILED")
    assert "is left to work on" in said["reasons"][0]
    code, said = answer(config, "status")
    assert (code, said["verdict"]) == (FAILED, "CRITICAL")


def test_nothing_failing(stack: Stack, tmp_path: Path) -> None:
    """What is red above is red for its failures: a healthy volume is good."""
    config = stack.site(tmp_path, volumes={"oauth_token_data": FILES})
    code, said = answer(config, "backup")
    assert (code, said["verdict"]) == (GOOD, "GOOD")
    code, said = answer(config, "drill")
    assert (code, said["verdict"]) == (GOOD, "PROVEN")
    code, said = answer(config, "status")
    assert (code, said["verdict"]) == (GOOD, "GOOD")
    assert all(volume["proven_snapshot"] for volume in said["volumes"])
    assert_nothing_left(stack.project, open_site(config))


def test_the_verifier_tests_itself(stack: Stack, tmp_path: Path) -> None:
    """In containers: every fault that can be planted here is named, and nothing of it stays."""
    seeded = database("kratos-db", "kratos_user", "kratos", major=15)
    config = stack.site(tmp_path, volumes={**HEALTHY, "kratos_db_data": seeded})
    assert answer(config, "backup")[0] == GOOD
    code, said = answer(config, "self-test")
    assert (code, said["verdict"], said["reasons"]) == (GOOD, "GOOD", [])
    detected = {fault["fault"]: fault["detected"] for fault in said["faults"]}
    elsewhere = {"stream_shortened", "part_dropped"}  # no volume here has their engines
    assert {fault for fault, found in detected.items() if found is None} == elsewhere
    assert {fault for fault, found in detected.items() if found} == set(detected) - elsewhere
    assert {c["engine"]: c["proven"] for c in said["controls"]} == {
        "postgresql": True,
        "files": True,
    }
    assert_nothing_left(stack.project, open_site(config))
