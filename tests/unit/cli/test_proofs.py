"""``alt-backup proofs``: what was drilled, and whether the ledger can be believed."""

from __future__ import annotations

import shutil

import pytest

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine


@pytest.fixture
def drilled(backed_up: Machine, call: Call) -> Machine:
    """Return a machine whose volumes are proven and copied."""
    assert call("drill").code == 0
    assert call("offsite").code == 0
    return backed_up


def test_proofs_are_listed_with_what_they_were_made_of(drilled: Machine, call: Call) -> None:
    """With the versions, the hashes and the end of every chain."""
    ran = call("proofs", "--json")
    assert ran.code == 0
    tokens, logs = ran.json["proofs"]
    assert [tokens["volume"], logs["volume"]] == ["tokens", "logs"]
    assert tokens["verdict"] == "PROVEN"
    assert set(tokens["tools"]) == {"alt_backup_assets", "restic"}
    assert len(tokens["record_sha256"]) == len(tokens["fingerprint"]) == 64
    assert tokens["fingerprint"] != logs["fingerprint"]
    assert {head["volume"]: head["length"] for head in ran.json["heads"]} == {
        "tokens": 1,
        "logs": 1,
    }


def test_one_volume_can_be_asked_for(drilled: Machine, call: Call) -> None:
    """And people get a table."""
    ran = call("proofs", "tokens")
    assert ran.code == 0
    assert "tokens" in ran.out
    assert "logs" not in ran.out
    assert ran.out.splitlines()[-1] == "GOOD"


def test_a_ledger_that_was_cut_is_2(drilled: Machine, call: Call) -> None:
    """With the reason, in place of a list that says all is well."""
    (drilled.state / "ledger" / "tokens.jsonl").unlink()
    ran = call("proofs", "--json")
    assert ran.code == 2
    assert "behind our back" in ran.json["reasons"][0]


def test_a_repository_that_is_gone_leaves_it_unconfirmed(drilled: Machine, call: Call) -> None:
    """The proofs on the disk are shown, and the exit code is 2."""
    drilled.offsite.faults["snapshots"] = Fault(RepositoryUnreachable("no route to host"))
    ran = call("proofs", "--json")
    assert ran.code == 2
    assert "no route to host" in ran.json["reasons"][0]
    assert len(ran.json["proofs"]) == 2


def test_a_ledger_that_cannot_come_back_is_2(drilled: Machine, call: Call) -> None:
    """It is gone, and so is the repository it would come from."""
    shutil.rmtree(drilled.state / "ledger")
    drilled.local.faults["snapshots"] = Fault(RepositoryUnreachable("no route to host"))
    assert call("proofs").code == 2


def test_offsite_drills_can_rotate(drilled: Machine, call: Call) -> None:
    """Only those whose turn it is are drilled, and who waits is said."""
    for snapshot in drilled.offsite.snapshots():
        big = snapshot.model_copy(update={"total_bytes": 1 << 20})
        drilled.offsite._snapshots[snapshot.id] = big
    drilled.rewrite("directories:", "offsite_proof: {budget_mib: 1}\ndirectories:")
    ran = call("drill", "--from", "offsite", "--rotate", "--json")
    assert ran.code == 0
    assert [volume["name"] for volume in ran.json["volumes"]] == ["logs"]
    assert ran.json["reasons"] == ["another day: tokens"]
    ran = call("drill", "--from", "offsite", "--rotate", "--dry-run", "--json")
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens"]


@pytest.mark.parametrize("words", [("--rotate",), ("--rotate", "--from", "local")])
def test_rotating_is_only_for_offsite(drilled: Machine, call: Call, words: tuple[str, ...]) -> None:
    """Here there is no traffic to save."""
    assert call("drill", *words).code == 64
