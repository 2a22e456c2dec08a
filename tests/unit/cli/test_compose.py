"""``alt-backup compose``: what is mounted follows the configuration and the registry."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Call, Machine

_LOCAL = "  kind: local\n  name: test\n  volumes: {tokens: volumes/tokens, logs: volumes/logs}"


@pytest.fixture(name="engine")
def _engine(machine: Machine) -> Machine:
    """Return the machine as a Compose project of the name `shop`."""
    machine.rewrite(_LOCAL, "  kind: docker\n  name: test\n  project: shop")
    return machine


def _override(call: Call) -> dict[str, Any]:
    ran = call("compose")
    assert ran.code == 0
    content: dict[str, Any] = yaml.safe_load(ran.out)
    return content


def _context(override: dict[str, Any]) -> dict[str, Any]:
    context = json.loads(override["services"]["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"])
    content: dict[str, Any] = context["docker"]
    return content


def test_every_planned_volume_is_mounted_read_only(engine: Machine, call: Call) -> None:
    """And no other: under the engine's name, at the place where volumes are looked for."""
    override = _override(call)
    assert override["volumes"] == {
        f"platform_{name}": {"name": f"shop_{name}", "external": True}
        for name in ("tokens", "logs")
    }
    mounts = {m["target"]: m for m in override["services"]["code"]["volumes"]}
    for name in ("tokens", "logs"):
        assert mounts[f"/data/{name}"]["source"] == f"platform_{name}"
        assert mounts[f"/data/{name}"]["read_only"] is True
    assert "/data/models" not in mounts


def test_runs_mount_what_the_code_server_mounts(engine: Machine, call: Call) -> None:
    """The same list, so that a run sees what a check of the code server has seen."""
    override = _override(call)
    served = {
        (m["target"], m["read_only"]): override["volumes"].get(m["source"], {}).get("name")
        or m["source"]
        for m in override["services"]["code"]["volumes"]
    }
    ran = {
        (m["Target"], m["ReadOnly"]): m["Source"]
        for m in _context(override)["container_kwargs"]["mounts"]
    }
    only_runs = {("/var/log/dagster", False), ("/run/secrets/storage_password", True)}
    assert ran.keys() - served.keys() == only_runs  # compose/backup.yaml has them for services
    assert {key: ran[key] for key in served} == served


def test_what_is_missing_is_an_error_and_never_an_empty_directory(
    engine: Machine, call: Call
) -> None:
    """Every bind says so, in Compose's words; the engine's newer form never makes one."""
    override = _override(call)
    for service in override["services"].values():
        binds = [mount for mount in service["volumes"] if mount["type"] == "bind"]
        assert binds
        assert all(bind["bind"] == {"create_host_path": False} for bind in binds)
    assert {m["Type"] for m in _context(override)["container_kwargs"]["mounts"]} == {
        "bind",
        "volume",
    }


def test_only_our_own_directories_are_writable(engine: Machine, call: Call) -> None:
    """State and repositories; the configuration's directory is not."""
    mounts = _override(call)["services"]["code"]["volumes"]
    writable = {mount["target"] for mount in mounts if not mount["read_only"]}
    assert writable == {str(engine.directory / name) for name in ("state", "local", "offsite")}
    assert {m["target"]: m["read_only"] for m in mounts}[str(engine.directory)] is True


def test_files_elsewhere_are_mounted_one_by_one(engine: Machine, call: Call) -> None:
    """A key, a ping's address: wherever the configuration names a file, and only what it names."""
    engine.rewrite("timezone: UTC", "timezone: UTC\nsignals: {pings: {daily: /elsewhere/daily}}")
    engine.rewrite("url: offsite, password_file: password", "url: offsite, password_file: /k/$key")
    override = _override(call)
    mounts = {m["target"]: m for m in override["services"]["code"]["volumes"]}
    assert mounts["/elsewhere/daily"]["read_only"] is True
    # Compose would look for a variable; twice the sign is the sign.
    assert mounts["/k/$$key"]["source"] == "/k/$$key"
    runs = {m["Target"] for m in _context(override)["container_kwargs"]["mounts"]}
    assert {"/elsewhere/daily", "/k/$$key"} <= runs


def test_a_change_of_the_registry_is_noticed(engine: Machine, call: Call) -> None:
    """`--check` is 0 on what was written, and 1 as soon as a volume has come to the registry."""
    file = engine.directory / "site.yaml"
    assert call("compose", "--check", "--output", str(file)).code == 1
    assert call("compose", "--output", str(file)).code == 0
    assert call("compose", "--check", "--output", str(file)).code == 0
    engine.rewrite(
        "  models:",
        "  more: {service: m, engine: files, category: data}\n  models:",
        file="registry.yaml",
    )
    ran = call("compose", "--check", "--output", str(file), "--json")
    assert (ran.code, ran.json["verdict"]) == (1, "WARNING")
    assert "platform_more" not in file.read_text()


def test_this_machine_itself_has_nothing_to_mount(call: Call) -> None:
    """A platform of processes is backed up from no container."""
    ran = call("compose")
    assert ran.code == 64
    assert "platform.kind" in ran.err


def test_check_needs_a_file(engine: Machine, call: Call) -> None:
    """There is nothing to compare with otherwise."""
    assert call("compose", "--check").code == 64
