"""``alt-backup status``: the verdict is the exit code, and it prints whatever is broken."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alt_backup_assets.errors import RepositoryUnreachable, WrongPassword
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine

FIELDS = {
    "verdict",
    "reasons",
    "checked_at",
    "latest_backup_at",
    "age_seconds",
    "expected_volumes",
    "actual_volumes",
    "missing_volumes",
    "total_size_bytes",
    "checksums_ok",
    "posture",
    "volumes",
}
VOLUME_FIELDS = {
    "name",
    "service",
    "engine",
    "verdict",
    "reasons",
    "age_seconds",
    "latest_snapshot",
    "latest_snapshot_at",
    "offsite_snapshot",
    "offsite_snapshot_at",
    "proven_snapshot",
    "proven_at",
    "offsite_proven_at",
}


def test_proven_and_copied_is_good(backed_up: Machine, call: Call) -> None:
    """With a fresh, proven, copied snapshot of every volume status is GOOD and 0."""
    assert call("drill").code == 0
    assert call("offsite").code == 0
    ran = call("status", "--json")
    assert ran.code == 0
    assert set(ran.json) == FIELDS
    assert ran.json["verdict"] == "GOOD"
    assert ran.json["reasons"] == []
    assert ran.json["posture"] == {
        "copies": 3,
        "media": 2,
        "offsite": True,
        "undeletable": False,
        "unproven": 0,
    }
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]
    for volume in ran.json["volumes"]:
        assert set(volume) == VOLUME_FIELDS
        assert volume["proven_snapshot"] == volume["latest_snapshot"]
        assert len(volume["proven_snapshot"]) == 64
        assert datetime.fromisoformat(volume["proven_at"]).utcoffset() == timedelta(0)


def test_the_table_shows_every_volume_and_the_verdict(backed_up: Machine, call: Call) -> None:
    """People get the same as a table, and the posture counted."""
    call("drill")
    call("offsite")
    ran = call("status")
    assert ran.code == 0
    newest = backed_up.local.snapshots(tag="tokens")[-1]
    (row,) = (line for line in ran.out.splitlines() if line.startswith("tokens "))
    assert row.split()[:4] == ["tokens", "auth", "files", "GOOD"]
    assert newest.short in row
    assert "3-2-1-1-0: 3 copies, 2 media, one offsite, none undeletable, 0 unproven" in ran.out
    assert ran.out.splitlines()[-1] == "verdict: GOOD"
    assert "next:" not in ran.out


def test_unproven_is_a_warning_that_says_what_to_do(backed_up: Machine, call: Call) -> None:
    """Snapshots nobody restored are WARNING and 1, and the drill is the next step."""
    backed_up.offsite.init()
    ran = call("status")
    assert ran.code == 1
    assert "tokens: no snapshot of it that is kept was proven by a drill" in ran.out
    steps = [line for line in ran.out.splitlines() if line.startswith("next: ")]
    assert steps == ["next: alt-backup drill tokens logs", "next: alt-backup offsite"]


def test_data_that_is_too_old_asks_for_a_backup(backed_up: Machine, call: Call) -> None:
    """A volume over its own objective is WARNING, and to be backed up before it is drilled."""
    call("drill")
    call("offsite")
    backed_up.later = timedelta(hours=2)
    ran = call("status")
    assert ran.code == 1
    steps = [line for line in ran.out.splitlines() if line.startswith("next: ")]
    assert steps == ["next: alt-backup backup --include logs", "next: alt-backup drill logs"]


def test_a_copy_of_old_data_does_not_look_fresh(backed_up: Machine, call: Call) -> None:
    """Copied just now or not: the age is that of its data, and over a day it is to be copied."""
    call("drill")
    for snapshot in backed_up.local.snapshots():
        older = {"time": snapshot.time - timedelta(hours=29)}
        backed_up.local._snapshots[snapshot.id] = snapshot.model_copy(update=older)
    call("offsite")
    call("backup")
    ran = call("status")
    (row,) = (line for line in ran.out.splitlines() if line.startswith("tokens "))
    assert "29.0 h" in row
    assert "next: alt-backup offsite" in ran.out.splitlines()
    call("offsite")
    assert "next: alt-backup offsite" not in call("status").out.splitlines()


def test_nothing_at_all_is_critical(call: Call) -> None:
    """Without any repository status is CRITICAL and 2, as a table and as JSON."""
    assert call("status").code == 2
    ran = call("status", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "CRITICAL"
    assert ran.json["volumes"][0]["latest_snapshot"] is None


def test_a_repository_that_does_not_open_still_prints_everything(
    backed_up: Machine, call: Call
) -> None:
    """With a wrong password the table and the object are complete, CRITICAL, with the reason."""
    backed_up.local.faults["snapshots"] = Fault(WrongPassword("the password does not open it"))
    ran = call("status", "--json")
    assert ran.code == 2
    assert set(ran.json) == FIELDS
    assert "the password does not open it" in ran.json["reasons"][0]
    table = call("status")
    assert table.code == 2
    assert "tokens" in table.out
    assert "the password does not open it" in table.out


def test_an_offsite_that_does_not_answer_is_critical_and_named(
    backed_up: Machine, call: Call
) -> None:
    """The side that is down is named; what is known of the other is still shown."""
    call("drill")
    backed_up.offsite.faults["snapshots"] = Fault(RepositoryUnreachable("no route to host"))
    ran = call("status", "--json")
    assert ran.code == 2
    assert ran.json["reasons"][0].startswith("the offsite repository cannot be read")
    assert [volume["verdict"] for volume in ran.json["volumes"]] == ["GOOD", "GOOD"]


def test_a_narrow_terminal_cuts_nothing_off(
    backed_up: Machine, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids and times are whole however narrow the table has to be."""
    monkeypatch.setattr("alt_backup_assets.cli.output._PIPE_COLUMNS", 40)
    backed_up.offsite.init()
    snapshot = backed_up.local.snapshots(tag="tokens")[-1]
    assert snapshot.short in call("status").out
    listed = call("snapshots").out
    assert f"{snapshot.time:%Y-%m-%d %H:%MZ}" in listed
    assert snapshot.short in listed
