"""The platform of the end-to-end tests: two PostgreSQL majors and a volume of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.stack import Stack, running_stack
from tests.sshd import SftpServer, sftp_server

TIMEOUT_SECONDS = 1800
"""For one test; what it waits for has its own patience, and the first pays for its fixtures too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test of this directory that has no timeout of its own a long one."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session", name="stack")
def _stack(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack"), restic_binary) as stack:
        yield stack


@pytest.fixture(scope="session", name="sftp")
def _sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server
