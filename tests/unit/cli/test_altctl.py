"""``alt-backup altctl``: needs no configuration, and is never green over a bad backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.altctl_backup import write_backup
from tests.unit.cli.conftest import Call, Machine


@pytest.fixture(name="old")
def _old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a sound old backup, on a machine without a configuration."""
    monkeypatch.delenv("ALT_BACKUP_CONFIG", raising=False)
    return write_backup(tmp_path / "old" / "20260227_180000")


def test_list_tells_what_is_there(call: Call, old: Path) -> None:
    """One line per backup, and one object as JSON."""
    ran = call("altctl", "list", str(old.parent))
    assert ran.code == 0
    assert str(old) in ran.out
    (backup,) = call("altctl", "list", str(old.parent), "--json").json["backups"]
    assert backup["complete"] is True
    assert backup["volumes"] == 2


def test_list_is_2_where_a_backup_is_incomplete_or_none_is_there(call: Call, old: Path) -> None:
    """A listing of nothing is no good news."""
    (old / "volumes" / "tokens.tar.gz").unlink()
    ran = call("altctl", "list", str(old.parent), "--json")
    assert ran.code == 2
    assert "tokens.tar.gz is not there" in ran.json["reasons"][0]
    ran = call("altctl", "list", str(old / "volumes"), "--json")
    assert ran.code == 2
    assert "there is no backup of altctl" in ran.json["reasons"][0]


def test_verify_is_0_for_a_sound_backup(call: Call, old: Path) -> None:
    """Every volume has its verdict; what is beyond the manifest is told."""
    (old / "more").touch()
    ran = call("altctl", "verify", str(old))
    assert ran.code == 0
    assert "WARNING: more is not in manifest.json" in ran.out
    report = call("altctl", "verify", str(old), "--json").json
    assert report["verdict"] == "GOOD"
    assert [volume["verdict"] for volume in report["volumes"]] == ["GOOD", "GOOD"]
    assert len(report["warnings"]) == 1


def test_verify_is_2_for_a_bad_one(call: Call, old: Path) -> None:
    """The volume's problem is told, in the table and in JSON."""
    (old / "volumes" / "recap_db_data.dump").write_bytes(b"")
    ran = call("altctl", "verify", str(old))
    assert ran.code == 2
    assert "0 bytes are no backup" in ran.out
    report = call("altctl", "verify", str(old), "--json").json
    assert report["verdict"] == "FAILED"
    assert [volume["verdict"] for volume in report["volumes"]] == ["GOOD", "FAILED"]


def test_verify_is_2_without_a_manifest(call: Call, old: Path) -> None:
    """It is answered in JSON too."""
    (old / "manifest.json").unlink()
    ran = call("altctl", "verify", str(old), "--json")
    assert ran.code == 2
    assert "never finished" in ran.json["reasons"][0]


@pytest.mark.parametrize("verb", ["list", "verify", "restore"])
def test_no_directory_is_wrong_usage(call: Call, verb: str) -> None:
    """A directory must be named, and must be there."""
    assert call("altctl", verb).code == 64
    assert call("altctl", verb, "/nowhere/at/all").code == 64


def test_restore_brings_a_volume_into_a_directory(call: Call, old: Path, tmp_path: Path) -> None:
    """A dry run verifies and writes nothing; the real one says where the volume is."""
    target = tmp_path / "out"
    arguments = ("altctl", "restore", str(old), "tokens", "--to", str(target))
    ran = call(*arguments, "--dry-run")
    assert ran.code == 0
    assert "would be" in ran.out
    assert not target.exists()
    report = call(*arguments, "--json").json
    assert report["target"] == str(target)
    assert report["taken_at"] == "2026-02-27T18:00:00.123456Z"
    assert (target / "token.json").exists()
    assert call(*arguments).code == 2


def test_restore_refuses_what_does_not_agree(call: Call, old: Path, tmp_path: Path) -> None:
    """Exit code 2, the reason, and no target."""
    (old / "volumes" / "tokens.tar.gz").write_bytes(b"x")
    ran = call("altctl", "restore", str(old), "tokens", "--to", str(tmp_path / "out"), "--json")
    assert ran.code == 2
    assert "1 bytes, " in ran.json["reasons"][0]
    assert not (tmp_path / "out").exists()


def test_restore_puts_a_volume_in_place_only_when_forced(
    machine: Machine, call: Call, tmp_path: Path
) -> None:
    """Nothing here tells whether the service runs, so the operator has to say that it may go."""
    made = write_backup(tmp_path / "old")
    ran = call("altctl", "restore", str(made), "tokens", "--json")
    assert ran.code == 2
    assert "--force" in ran.json["reasons"][0]
    assert (machine.volume("tokens") / "tokens.txt").exists()
    assert call("altctl", "restore", str(made), "tokens", "--force", "--dry-run").code == 0
    assert (machine.volume("tokens") / "tokens.txt").exists()
    assert call("altctl", "restore", str(made), "tokens", "--force").code == 0
    assert sorted(p.name for p in machine.volume("tokens").iterdir()) == ["deep", "token.json"]


def test_restore_cannot_be_forced_into_a_directory(call: Call, old: Path, tmp_path: Path) -> None:
    """A directory that holds something is never replaced by an old backup."""
    ran = call("altctl", "restore", str(old), "tokens", "--to", str(tmp_path / "out"), "--force")
    assert ran.code == 64


def test_a_cold_copy_has_to_be_forced(call: Call, tmp_path: Path) -> None:
    """It is for PostgreSQL only, and never the ordinary way."""
    ran = call("altctl", "cold", "tokens", str(tmp_path / "out"))
    assert ran.code == 64
    assert "is no dump" in ran.err
    ran = call("altctl", "cold", "tokens", str(tmp_path / "out"), "--force", "--json")
    assert ran.code == 2
    assert "is no PostgreSQL volume" in ran.json["reasons"][0]
    assert call("altctl", "cold", "tokens", str(tmp_path / "out"), "--force", "--dry-run").code == 2
    assert not (tmp_path / "out").exists()
