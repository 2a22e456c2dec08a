"""``alt-backup config propose``: entries to review, and never a file that is written."""

from __future__ import annotations

import yaml

from tests.unit.cli.conftest import Call, Machine


def test_missing_entries_are_printed_and_nothing_is_written(machine: Machine, call: Call) -> None:
    """What the registry lacks is printed as YAML; the registry's file stays as it was."""
    machine.rewrite("logs: volumes/logs", "logs: volumes/logs, new: volumes/logs")
    before = (machine.directory / "registry.yaml").read_bytes()
    ran = call("config", "propose")
    assert ran.code == 0
    assert yaml.safe_load(ran.out) == {
        "volumes": {"new": {"service": "FIXME", "engine": "files", "category": "data"}}
    }
    assert "# no service is known to mount it: which service owns it?" in ran.out
    assert (machine.directory / "registry.yaml").read_bytes() == before


def test_a_stale_entry_is_a_comment(machine: Machine, call: Call) -> None:
    """An entry without a volume is named, and nothing is proposed in its place."""
    machine.rewrite(", logs: volumes/logs", "")
    ran = call("config", "propose")
    assert ran.code == 0
    assert yaml.safe_load(ran.out) is None
    assert "# logs is in the registry, and no such volume is declared or there" in ran.out


def test_a_complete_registry_needs_nothing(call: Call) -> None:
    """Where every volume is planned or excluded it says so."""
    assert call("config", "propose").out == "# Every volume is planned or excluded.\n"


def test_the_same_as_json(machine: Machine, call: Call) -> None:
    """With `--json` it is one object with the entries, what to decide, and what is stale."""
    machine.rewrite("logs: volumes/logs", "new: volumes/logs")
    answer = call("config", "propose", "--json").json
    assert set(answer) == {"missing", "unnamed", "stale"}
    assert (answer["missing"][0]["name"], answer["stale"]) == ("new", ["logs"])


def test_a_configuration_that_is_wrong_is_told(machine: Machine, call: Call) -> None:
    """Without a configuration that loads there is nothing to compare with: exit code 64."""
    machine.rewrite("kind: local", "kind: locl")
    assert call("config", "propose").code == 64
