"""``alt-backup snapshots``: what could be restored, from where, proven or not."""

from __future__ import annotations

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine


def test_both_repositories_are_listed_with_their_proofs(backed_up: Machine, call: Call) -> None:
    """A snapshot and its copy are two lines with two ids and one proof."""
    call("drill", "tokens")
    call("offsite")
    ran = call("snapshots", "--json")
    assert ran.code == 0
    tokens, logs = ran.json["volumes"]
    assert (tokens["name"], logs["name"]) == ("tokens", "logs")
    assert [one["source"] for one in tokens["snapshots"]] == ["local", "offsite"]
    assert {one["proof"] for one in tokens["snapshots"]} == {"PROVEN"}
    assert {one["proof"] for one in logs["snapshots"]} == {None}
    (source,) = backed_up.local.snapshots(tag="tokens")
    first = tokens["snapshots"][0]
    assert first["id"] == source.id
    assert first["day"] == f"{source.time:%Y-%m-%d}"
    assert first["taken_at"] == f"{source.time:%Y-%m-%dT%H:%M:%SZ}"


def test_one_repository_and_one_volume_can_be_asked_for(backed_up: Machine, call: Call) -> None:
    """--from and names narrow the list."""
    call("offsite")
    ran = call("snapshots", "logs", "--from", "offsite", "--json")
    (logs,) = ran.json["volumes"]
    assert logs["name"] == "logs"
    assert [one["id"] for one in logs["snapshots"]] == [
        backed_up.offsite.snapshots(tag="logs")[0].id
    ]


def test_the_table_names_volumes_without_any_snapshot(machine: Machine, call: Call) -> None:
    """What is not there is said, not left out."""
    call("backup", "--include", "tokens")
    machine.offsite.init()
    ran = call("snapshots")
    assert ran.code == 0
    assert "without any snapshot: logs" in ran.out
    assert any(line.startswith("tokens ") and " none " in line for line in ran.out.splitlines())


def test_a_volume_that_left_the_registry_is_still_listed(backed_up: Machine, call: Call) -> None:
    """On the day it is wanted back, its snapshots are not hidden."""
    backed_up.offsite.init()
    backed_up.rewrite(
        "  logs: {service: logger, engine: files, category: metrics, rpo: {warn: 90m}}\n",
        "",
        file="registry.yaml",
    )
    ran = call("snapshots", "--json")
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]


def test_a_repository_that_is_down_is_2_and_the_other_is_listed(
    backed_up: Machine, call: Call
) -> None:
    """Half a list is told as half a list."""
    backed_up.offsite.faults["snapshots"] = Fault(RepositoryUnreachable("no route to host"))
    ran = call("snapshots", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    assert "the offsite repository cannot be read" in ran.json["reasons"][0]
    assert len(ran.json["volumes"][0]["snapshots"]) == 1


def test_proofs_that_were_changed_are_2(backed_up: Machine, call: Call) -> None:
    """A ledger that cannot be believed proves nothing, and is told."""
    call("drill", "tokens")
    backed_up.offsite.init()
    ledger = backed_up.state / "ledger" / "tokens.jsonl"
    ledger.write_text(ledger.read_text().replace("PROVEN", "FAILED", 1) * 2)
    ran = call("snapshots", "--json")
    assert ran.code == 2
    assert ran.json["volumes"][0]["snapshots"][0]["proof"] is None
