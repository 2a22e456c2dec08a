"""``alt-backup check``: sound or 2."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Call, Machine


def test_a_sound_repository_is_0(backed_up: Machine, call: Call) -> None:
    """The part that was read is told, and the check is recorded for status."""
    ran = call("check", "--read-data-subset", "2/7", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    assert ran.json["read_data_subset"] == "2/7"
    recorded = json.loads((backed_up.state / "repository-check.json").read_text())
    assert recorded["error"] is None
    assert call("check").code == 0


def test_damage_is_2_and_stays_known(backed_up: Machine, call: Call) -> None:
    """Damage is told in restic's words, and status speaks of it afterwards."""
    backed_up.local.damage = "pack 1234 is damaged"
    ran = call("check", "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    assert ran.json["reasons"] == ["pack 1234 is damaged"]
    assert call("check").code == 2
    assert any("pack 1234" in reason for reason in call("status", "--json").json["reasons"])


def test_no_repository_is_2(call: Call) -> None:
    """A repository that is not there is not sound."""
    assert call("check").code == 2
