"""Loading the code location: when it reads something, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alt_backup_assets import definitions
from alt_backup_assets.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


def _configuration(directory: Path) -> Path:
    repository = {"url": "repository", "password_file": "key"}
    path = directory / "alt-backup.yaml"
    content = {
        "platform": {"kind": "local", "name": "loading"},
        "registry": "alt",
        "timezone": "UTC",
        "directories": {"state": "state"},
        "repositories": {"local": repository},
    }
    path.write_text(json.dumps(content))  # JSON is YAML
    return path


def _python(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_unset_configuration_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ALT_BACKUP_CONFIG loading fails and names the variable."""
    monkeypatch.delenv("ALT_BACKUP_CONFIG", raising=False)
    with pytest.raises(ConfigurationError, match="set ALT_BACKUP_CONFIG"):
        definitions.defs()


def test_loading_warns_of_nothing_and_touches_nothing(tmp_path: Path) -> None:
    """Import and load are silent with all warnings as errors, and leave no file behind."""
    configuration = _configuration(tmp_path)
    load = (
        "from alt_backup_assets import definitions\n"
        "loaded = definitions.defs()\n"
        "loaded.get_repository_def().load_all_definitions()\n"
    )
    done = _python(load, "-W", "error", ALT_BACKUP_CONFIG=str(configuration))
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == [configuration]


def test_importing_reads_no_configuration(tmp_path: Path) -> None:
    """Importing the code location works where there is nothing to read."""
    missing = str(tmp_path / "missing.yaml")
    done = _python("import alt_backup_assets.definitions", ALT_BACKUP_CONFIG=missing)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
