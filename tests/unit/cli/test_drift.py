"""``alt-backup drift``: 0 without drift, 1 with it, 2 where something could not be asked."""

from __future__ import annotations

import shutil

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine


def test_a_planned_machine_has_no_drift(backed_up: Machine, call: Call) -> None:
    """Every volume is planned, there and held by a snapshot, or excluded: exit code 0."""
    ran = call("drift", "--json")
    assert (ran.code, ran.json["verdict"], ran.json["reasons"]) == (0, "GOOD", [])
    assert set(ran.json) == {"verdict", "reasons", "volumes"}
    assert {volume["name"]: volume["state"] for volume in ran.json["volumes"]} == {
        "tokens": "planned",
        "logs": "planned",
        "models": "excluded",
    }
    assert set(ran.json["volumes"][0]) == {"name", "state", "drifted", "detail"}
    assert backed_up.later.total_seconds() == 0


def test_a_volume_nobody_planned_is_drift(backed_up: Machine, call: Call) -> None:
    """A volume the registry does not name is exit code 1, and named for people too."""
    backed_up.rewrite("logs: volumes/logs", "logs: volumes/logs, new: volumes/logs")
    ran, told = call("drift", "--json"), call("drift")
    assert (ran.code, ran.json["verdict"]) == (1, "DRIFT")
    assert ran.json["volumes"][-1] | {"detail": ""} == {
        "name": "new",
        "state": "unplanned",
        "drifted": True,
        "detail": "",
    }
    assert told.code == 1
    assert told.out.count("nobody planned or excluded it") == 1
    assert told.out.rstrip().endswith("DRIFT")


def test_a_mix_up_is_stale_and_unplanned_with_the_near_miss(backed_up: Machine, call: Call) -> None:
    """`_` for `-` is red on both sides, and each names the other."""
    backed_up.rewrite("logs: volumes/logs", "lo-gs: volumes/logs")
    backed_up.rewrite("  logs: {", "  lo_gs: {", file="registry.yaml")
    states = {v["name"]: v for v in call("drift", "--json").json["volumes"]}
    assert (states["lo_gs"]["state"], states["lo-gs"]["state"]) == ("stale", "unplanned")
    assert "did you mean `lo-gs`?" in states["lo_gs"]["detail"]
    assert "did you mean `lo_gs`?" in states["lo-gs"]["detail"]


def test_a_directory_that_is_gone_is_drift(backed_up: Machine, call: Call) -> None:
    """A configured volume without a directory is not there to be backed up."""
    shutil.rmtree(backed_up.volume("logs"))
    ran = call("drift", "--json")
    assert ran.code == 1
    assert ran.json["reasons"] == ["logs: declared, no volume exists yet"]


def test_a_plan_nobody_carried_out_is_drift(machine: Machine, call: Call) -> None:
    """Before the first backup no snapshot holds what is planned."""
    assert machine.local.init()
    ran = call("drift", "--json")
    assert ran.code == 1
    assert ran.json["reasons"][0].startswith("tokens: no snapshot holds it")


def test_a_repository_that_does_not_open_is_a_failure(backed_up: Machine, call: Call) -> None:
    """What snapshots hold cannot be said: exit code 2, and no list of volumes."""
    backed_up.local.faults["snapshots"] = Fault(RepositoryUnreachable("it is away"))
    ran = call("drift", "--json")
    assert (ran.code, ran.json) == (2, {"verdict": "FAILED", "reasons": ["it is away"]})
