"""Fixtures of the whole test suite: the real programs it needs. A missing one is a failure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.restic_contract", "tests.platform_contract")


LONGEST_FIRST = (
    *("test_survival.py", "test_dead_and_old.py", "test_browser.py", "test_many_hosts.py"),
    *("test_stack.py", "test_sample_platform.py", "test_bare_metal.py"),
)
"""Files that take minutes, and begin before all others so that nobody waits for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order is otherwise as collected."""
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


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
