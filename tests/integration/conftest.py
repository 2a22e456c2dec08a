"""Real repositories for the integration tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alt_backup_assets.tools.restic import Restic
from tests.restic_bench import Bench


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, restic_binary: Path) -> Bench:
    return Bench(tmp_path, restic_binary)


@pytest.fixture(name="repository")
def _repository(bench: Bench) -> Restic:
    return bench.restic()


@pytest.fixture(name="big_source")
def _big_source(tmp_path: Path) -> Path:
    source = tmp_path / "big"
    source.mkdir()
    (source / "random").write_bytes(os.urandom(20_000_000))
    return source
