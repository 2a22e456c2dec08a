"""The files of compose/: what holds for every service, whatever is added."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from alt_backup_assets.config import load_configuration
from alt_backup_assets.deployment.mounts import read_mounts
from alt_backup_assets.registry.load import load_registry
from tests.dagster_home import ROOT

COMPOSE = ROOT / "compose"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((COMPOSE / "backup.yaml").read_text())[
    "services"
]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_limited_rotated_and_asked_for_only(name: str) -> None:
    """Nothing starts without its profile, fills the disk, or takes all memory."""
    service = SERVICES[name]
    assert set(service["profiles"]) & {"backup", "backup-admin"}
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert "no-new-privileges" in service["security_opt"]
    assert service["stop_grace_period"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"storage"}))
def test_our_image_has_no_right_but_what_is_named(name: str) -> None:
    """Read-only, without capabilities but for a few, and never privileged."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
    }
    assert "privileged" not in service


def test_only_the_proxy_holds_the_socket() -> None:
    """And a missing socket is an error, not a directory of that name."""
    holders = {
        name: mount
        for name, service in SERVICES.items()
        for mount in service.get("volumes", [])
        if "docker.sock" in str(mount)
    }
    assert list(holders) == ["docker-proxy"]
    assert holders["docker-proxy"]["bind"] == {"create_host_path": False}


def test_each_service_says_what_it_is_for() -> None:
    """A comment stands over it."""
    lines = (COMPOSE / "backup.yaml").read_text().splitlines()
    for name in SERVICES:
        assert lines[lines.index(f"  {name}:") - 1].strip().startswith("# "), name


def test_the_settings_of_the_deployment_do_not_repeat_those_of_the_instance() -> None:
    """The image's dagster.yaml is both files, one behind the other; a key twice would win."""
    instance = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    deployment = yaml.safe_load((COMPOSE / "dagster.yaml").read_text())
    assert set(instance) & set(deployment) == set()
    launcher = deployment["run_launcher"]["config"]["container_kwargs"]
    code = SERVICES["code"]
    for setting in ("init", "read_only", "cap_drop", "cap_add", "security_opt"):
        assert launcher[setting] == code[setting]


def test_the_example_is_right() -> None:
    """It loads, and each of its volumes is one of the sample platform."""
    file = COMPOSE / "example" / "alt-backup.yaml"
    config = load_configuration(file)
    registry = load_registry(config)
    platform = yaml.safe_load((COMPOSE / "platform.yaml").read_text())
    assert {volume.name for volume in registry.planned} <= set(platform["volumes"])
    assert {volume.service for volume in registry.planned} <= set(platform["services"])
    assert len(read_mounts(file, config, registry).volumes) == len(registry.planned)
