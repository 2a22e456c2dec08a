"""The volumes of this machine are the configured directories."""

from __future__ import annotations

from pathlib import Path

from alt_backup_assets.config import LocalPlatform
from alt_backup_assets.platforms.live_volumes import PlatformVolume
from alt_backup_assets.platforms.local import LocalMachine


def test_declared_and_live_are_the_configured_directories(tmp_path: Path) -> None:
    """A directory that is there exists, one that is not does not; who mounts it nobody knows."""
    values = {
        "kind": "local",
        "name": "here",
        "services": {"db": {}},
        "volumes": {"there": str(tmp_path), "gone": str(tmp_path / "gone")},
    }
    machine = LocalMachine(LocalPlatform.model_validate(values), scratch=tmp_path)
    found = machine.list_volumes()
    assert found.volumes == (
        PlatformVolume(name="gone", exists=False, declared_by=()),
        PlatformVolume(name="there", exists=True, declared_by=()),
    )
    assert (found.declared, found.complete, found.services) == (True, False, frozenset({"db"}))
