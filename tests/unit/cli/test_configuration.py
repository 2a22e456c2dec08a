"""``alt-backup config``: validate and show."""

from __future__ import annotations

from pathlib import Path

import yaml

from alt_backup_assets.config import load_configuration
from alt_backup_assets.registry.load import load_registry
from tests.unit.cli.conftest import Call, Machine


def test_right_files_are_0(call: Call) -> None:
    """With everything right the numbers are told."""
    ran = call("config", "validate")
    assert ran.code == 0
    assert "2 volumes are planned, 1 excluded" in ran.out
    assert call("config", "validate", "--json").json == {"verdict": "GOOD", "reasons": []}


def test_an_exclusion_past_its_review_date_is_1(machine: Machine, call: Call) -> None:
    """The volume, its reason and the date are in the sentence."""
    machine.rewrite("2999-12-31", "2020-01-31", file="registry.yaml")
    ran = call("config", "validate", "--json")
    assert ran.code == 1
    assert ran.json["verdict"] == "WARNING"
    (reason,) = ran.json["reasons"]
    for word in ("models", "can be downloaded again", "2020-01-31"):
        assert word in reason
    assert reason in call("config", "validate").out


def test_files_that_cannot_do_their_work_are_64(machine: Machine, call: Call) -> None:
    """A password that others can read and one that is not there are both told."""
    (machine.directory / "password").chmod(0o644)
    machine.rewrite("offsite, password_file: password", "offsite, password_file: nowhere")
    ran = call("config", "validate", "--json")
    assert ran.code == 64
    assert ran.json["verdict"] == "FAILED"
    assert len(ran.json["reasons"]) == 2
    assert call("config", "validate").code == 64


def test_a_wrong_field_is_64_with_the_near_miss(machine: Machine, call: Call) -> None:
    """File, field and what was probably meant are in the message."""
    machine.rewrite("timezone:", "timezon:")
    ran = call("config", "validate", "--json")
    assert ran.code == 64
    assert "`timezone`" in ran.json["reasons"][0]


def test_a_wrong_registry_is_64(machine: Machine, call: Call) -> None:
    """The registry is validated with the configuration."""
    machine.rewrite("engine: files", "engine: file", file="registry.yaml")
    for verb in ("validate", "show"):
        ran = call("config", verb, "--json")
        assert ran.code == 64
        assert "registry.yaml" in ran.json["reasons"][0]


def test_what_is_shown_loads_as_the_same(machine: Machine, call: Call, tmp_path: Path) -> None:
    """The two documents are files one could work with, every default filled in."""
    ran = call("config", "show")
    assert ran.code == 0
    first, second = ran.out.split("---\n")
    (tmp_path / "shown.yaml").write_text(first)
    (tmp_path / "shown-registry.yaml").write_text(second)
    configuration = load_configuration(machine.configuration)
    assert load_configuration(tmp_path / "shown.yaml") == configuration
    shown = load_registry(str(tmp_path / "shown-registry.yaml"))
    assert shown.volumes == load_registry(configuration).volumes


def test_the_same_is_shown_as_json(call: Call) -> None:
    """One object with both."""
    shown = call("config", "show", "--json").json
    text = call("config", "show").out
    assert [shown["configuration"], shown["registry"]] == list(yaml.safe_load_all(text))
    assert shown["registry"]["volumes"]["logs"]["rpo"] == {"warn": "90m", "fail": "50h"}
    assert shown["configuration"]["workers"] == 2
