"""A copy of the product, and of its tests, with one line changed, to see what breaks.

Keep out: which lines; the tests that use this say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.sites import ROOT

_SECONDS = 500


@dataclass(frozen=True)
class Copy:
    """The copy.

    Attributes:
        root: As the checkout's.
    """

    root: Path

    def change(self, module: str, old: str, new: str) -> None:
        """Change what must stand in a module exactly once."""
        path = self.root / "alt_backup_assets" / module
        text = path.read_text()
        assert text.count(old) == 1, f"{module} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module of the copy, or on it."""
        own = {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env=environment | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def copy_checkout(root: Path) -> Copy:
    """Copy what is needed to run the product and its unit tests."""
    unneeded = shutil.ignore_patterns("__pycache__")
    for name in ("alt_backup_assets", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=unneeded)
    for name in ("pyproject.toml", "dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, root)
    copy = Copy(root)
    said = copy.run("alt_backup_assets.cli", "--help")
    assert said.returncode == 0, said.stderr
    return copy
