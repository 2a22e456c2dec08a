"""Embedded PostgreSQL servers and volumes of files: the demo platform, in a place of its own.

It is made by the demo's own scripts, so what `make demo` starts is what the tests run against.
Keep out: Docker.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).parents[1]


@contextmanager
def demo_platform(restic: Path) -> Iterator[Path]:
    """Start the demo platform, and stop and remove it in the end.

    Args:
        restic: The program its configuration names.

    Yields:
        The path of its configuration.
    """
    root = Path(mkdtemp(prefix="alt-backup-test-"))
    root.chmod(0o711)  # where root has no namespaces, another account runs the servers
    try:
        shutil.copytree(ROOT / "scripts", root / "scripts")
        shutil.copy(ROOT / "dagster.yaml", root)
        programs = root / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "restic").symlink_to(restic)
        _demo(root, "start")
        yield root / ".demo" / "alt-backup.yaml"
    finally:
        try:
            _demo(root, "stop")
        finally:
            shutil.rmtree(root)


def _demo(root: Path, verb: str) -> None:
    script = root / "scripts" / "demo_platform.py"
    done = subprocess.run(
        [sys.executable, script, verb],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout
