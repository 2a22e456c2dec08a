"""``alt-backup kit``: all that opens the backups, in one file that nobody else can read."""

from __future__ import annotations

import tarfile

import pytest

from tests.unit.cli.conftest import Call, Machine


def test_it_holds_what_the_configuration_names(machine: Machine, call: Call) -> None:
    """Configuration, registry and secrets, with whole paths and modes; and what to do with them."""
    (machine.directory / "storage_password").write_text("x")
    kit = machine.directory / "kit.tar"
    ran = call("kit", "--output", str(kit), "--json")
    assert ran.code == 0
    assert kit.stat().st_mode & 0o777 == 0o600
    with tarfile.open(kit) as archive:
        members = {member.name: member for member in archive}
        readme = archive.extractfile("README.txt")
        assert readme is not None
        told = readme.read().decode()
    names = ("alt-backup.yaml", "registry.yaml", "password", "storage_password")
    inside = {f"files{machine.directory / name}" for name in names}
    assert set(members) == {"README.txt", *inside}
    assert members[f"files{machine.directory}/password"].mode == 0o600
    assert {f"files{path}" for path in ran.json["files"]} == inside
    for word in ("restore --all", str(machine.configuration), "tokens (files", str(kit.parent)):
        assert word in told
    assert "nothing is protected by it" not in told + ran.out + ran.err


def test_a_kit_that_would_lack_something_is_none(machine: Machine, call: Call) -> None:
    """A password file that is not there is an error, and no file is left."""
    (machine.directory / "password").unlink()
    kit = machine.directory / "kit.tar"
    ran = call("kit", "--output", str(kit))
    assert ran.code == 64
    assert "password" in ran.err
    assert not kit.exists()


@pytest.mark.parametrize("where", ["local/kit.tar", "state/deep/kit.tar", "offsite/kit.tar"])
def test_it_is_not_put_where_it_is_lost_with_what_it_opens(
    machine: Machine, call: Call, where: str
) -> None:
    """Neither into a repository nor into our own directory."""
    ran = call("kit", "--output", str(machine.directory / where))
    assert ran.code == 64
    assert "kept elsewhere" in ran.err


def test_a_kit_is_never_written_over(machine: Machine, call: Call) -> None:
    """The older one may be the one that works."""
    kit = machine.directory / "kit.tar"
    kit.write_text("the one before")
    assert call("kit", "--output", str(kit)).code == 64
    assert kit.read_text() == "the one before"


def test_a_dry_run_only_lists(machine: Machine, call: Call) -> None:
    """Nothing is written."""
    kit = machine.directory / "kit.tar"
    ran = call("kit", "--output", str(kit), "--dry-run", "--json")
    assert (ran.code, ran.json["dry_run"]) == (0, True)
    assert str(machine.directory / "password") in ran.json["files"]
    assert not kit.exists()
