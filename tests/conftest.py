"""Fixtures of the whole test suite: the real programs it needs. A missing one is a failure."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.restic_contract", "tests.platform_contract")

# A script's background job begins with SIGINT ignored. Dagster gives SIGTERM the handler of
# SIGINT, so both would be ignored from then on, also by every child that a test ends with SIGTERM.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the browser's test puts the pictures it takes."""
    parser.addoption("--pictures", metavar="DIR", help="keep pictures of the UI in DIR")


@pytest.fixture(scope="session")
def restic_binary() -> Path:
    """Return the real restic, from the virtual environment or the PATH; never skips."""
    beside = Path(__file__).parents[1] / ".venv/bin/restic"
    found = beside if beside.exists() else shutil.which("restic")
    if found is None:
        pytest.fail("there is no restic: run `make tools`, or put restic >= 0.17.1 on the PATH")
    return Path(found)
