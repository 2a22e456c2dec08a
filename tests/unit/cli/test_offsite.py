"""``alt-backup offsite``: good only if the copies show in the other listing."""

from __future__ import annotations

import pytest

from alt_backup_assets.errors import RepositoryUnreachable, RetentionUnsafe, WrongPassword
from tests.fakes.restic import FakeRestic, Fault
from tests.unit.cli.conftest import Call, Machine

OFFSITE = "  offsite: {url: offsite, password_file: password, medium: tape}\n"


def test_copies_are_confirmed_and_told(backed_up: Machine, call: Call) -> None:
    """Every volume's snapshot and its copy are named by their own ids."""
    ran = call("offsite", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    for volume in ran.json["volumes"]:
        (source,) = backed_up.local.snapshots(tag=volume["name"])
        (copy,) = backed_up.offsite.snapshots(tag=volume["name"])
        assert (volume["source"], volume["copy"]) == (source.id, copy.id)
        assert source.id != copy.id
        assert volume["is_new"] is True
        assert volume["error"] is None


def test_copying_again_copies_nothing_and_is_good(backed_up: Machine, call: Call) -> None:
    """A copy that is there already counts, and is told as old."""
    call("offsite")
    ran = call("offsite", "--json")
    assert ran.code == 0
    assert [volume["is_new"] for volume in ran.json["volumes"]] == [False, False]
    assert backed_up.offsite.calls.count("copy_from") == 1


def test_a_volume_without_any_snapshot_is_2(machine: Machine, call: Call) -> None:
    """What has no snapshot has no copy: 2, while the others are copied."""
    assert call("backup", "--include", "tokens").code == 0
    ran = call("offsite", "--json")
    assert ran.code == 2
    tokens, logs = ran.json["volumes"]
    assert tokens["verdict"] == "GOOD"
    assert logs["verdict"] == "FAILED"
    assert "nothing was copied" in logs["error"]
    assert machine.offsite.snapshots(tag="tokens")


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=["copy", "dry run"])
def test_the_side_that_does_not_open_is_named(
    backed_up: Machine, call: Call, arguments: tuple[str, ...]
) -> None:
    """The message says which side failed, which no exit code of restic does."""
    for side, restic in (("offsite", backed_up.offsite), ("local", backed_up.local)):
        for name in ("open", "init", "snapshots"):
            restic.faults[name] = Fault(WrongPassword("the password does not open it"))
        ran = call("offsite", *arguments, "--json")
        assert ran.code == 2
        assert ran.json["verdict"] == "FAILED"
        assert f"the {side} repository does not open" in ran.json["reasons"][0]


def test_no_offsite_repository_is_wrong_configuration(backed_up: Machine, call: Call) -> None:
    """Without a target there is nothing to copy to: 64, not a silent success."""
    backed_up.rewrite(OFFSITE, "")
    ran = call("offsite", "--json")
    assert ran.code == 64
    assert "repositories.offsite" in ran.json["reasons"][0]


def test_a_dry_run_lists_what_would_go_and_makes_no_target(backed_up: Machine, call: Call) -> None:
    """--dry-run does not even initialise the target."""
    ran = call("offsite", "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["dry_run"] is True
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]
    assert "init" not in backed_up.offsite.calls
    assert "copy_from" not in backed_up.offsite.calls
    assert call("offsite").code == 0
    assert call("offsite", "--dry-run", "--json").json["volumes"] == []


def test_prune_applies_the_offsite_retention(backed_up: Machine, call: Call) -> None:
    """With --prune the policy runs behind the copy; without it nothing is planned even."""
    call("offsite")
    assert "plan_retention" not in backed_up.offsite.calls
    ran = call("offsite", "--prune", "--json")
    assert ran.code == 0
    assert ran.json["removed"] == 0
    assert "plan_retention" in backed_up.offsite.calls


def test_prune_leaves_an_append_only_target_alone(backed_up: Machine, call: Call) -> None:
    """There nothing can be removed from here, and nothing is tried."""
    backed_up.rewrite("medium: tape", "medium: tape, append_only: true")
    backed_up.offsite = FakeRestic("/fake/offsite", append_only=True)
    assert call("offsite", "--prune").code == 0
    assert "plan_retention" not in backed_up.offsite.calls


def test_prune_that_fails_is_2_and_the_copies_are_told(backed_up: Machine, call: Call) -> None:
    """The copies are good, and still the call is not."""
    backed_up.offsite.faults["plan_retention"] = Fault(RetentionUnsafe("not what was planned"))
    ran = call("offsite", "--prune", "--json")
    assert ran.code == 2
    assert "not what was planned" in ran.json["reasons"][0]
    assert [volume["verdict"] for volume in ran.json["volumes"]] == ["GOOD", "GOOD"]


def test_nothing_is_pruned_behind_a_copy_that_failed(machine: Machine, call: Call) -> None:
    """Old copies are not removed while a volume has no new one."""
    call("backup", "--include", "tokens")
    ran = call("offsite", "--prune", "--json")
    assert ran.code == 2
    assert ran.json["removed"] is None
    assert "plan_retention" not in machine.offsite.calls


def test_a_copy_that_breaks_off_is_2(backed_up: Machine, call: Call) -> None:
    """A link that goes down in the middle is a failure with its reason."""
    backed_up.offsite.faults["copy_from"] = Fault(RepositoryUnreachable("connection reset"))
    ran = call("offsite", "--json")
    assert ran.code == 2
    assert "connection reset" in ran.json["reasons"][0]


@pytest.mark.parametrize("keeps", [True, False])
def test_the_claim_that_nothing_can_be_deleted_is_tried(
    backed_up: Machine, call: Call, keeps: bool
) -> None:
    """0 where the canary survived; 2 where it could be deleted, although the copies are there."""
    backed_up.offsite = FakeRestic("/fake/offsite", append_only=keeps)
    backed_up.rewrite("medium: tape", "medium: tape, append_only: true")
    ran = call("offsite", "--json")
    assert ran.code == (0 if keeps else 2)
    assert {volume["verdict"] for volume in ran.json["volumes"]} == {"GOOD"}
    assert bool(ran.json["reasons"]) is not keeps
    assert call("status", "--json").json["posture"]["undeletable"] is keeps


def test_a_claim_that_cannot_be_tried_is_2(backed_up: Machine, call: Call) -> None:
    """Unknown is not undeletable."""
    backed_up.rewrite("medium: tape", "medium: tape, append_only: true")
    backed_up.offsite.faults["forget"] = Fault(RepositoryUnreachable("gone"))
    ran = call("offsite", "--json")
    assert ran.code == 2
    assert "deleting could not be tried: gone" in ran.json["reasons"][0]
