"""Fixtures of the platform tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Return a directory that every user can enter; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory(
        prefix="alt-backup-test-", ignore_cleanup_errors=False
    ) as name:
        path = Path(name)
        path.chmod(0o755)
        scratch = path / "scratch"
        scratch.mkdir(mode=0o755)
        yield path
