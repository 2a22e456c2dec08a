"""A machine on which runs work, with two volumes of plain files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.definitions.bench import Machine, machine


@pytest.fixture(name="two")
def _two(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path, "one", "two") as made:
        yield made
