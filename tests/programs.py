"""Outside programs the tests start: found on the PATH, and a failure where they are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


def program(name: str) -> Path:
    """Return a program of this machine; without it the test fails, and never skips."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"there is no {name} on this machine: `make testbed` installs it")
    return Path(found)
