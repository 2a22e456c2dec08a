"""A machine on which runs work, with two volumes of plain files; nobody waits before a retry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from tests.unit.definitions.bench import Machine, machine


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=2):
        yield


@pytest.fixture(name="two")
def _two(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path, "one", "two") as made:
        yield made
