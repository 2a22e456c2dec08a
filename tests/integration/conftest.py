"""Real repositories and a real platform for the integration tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alt_backup_assets.tools.restic import Restic
from tests.dagster_home import Home, make_home
from tests.embedded import demo_platform
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


@pytest.fixture(name="platform", scope="session")
def _platform(restic_binary: Path) -> Iterator[Path]:
    with demo_platform(restic_binary) as config:
        yield config


@pytest.fixture(name="home")
def _home(tmp_path_factory: pytest.TempPathFactory, platform: Path) -> Home:
    # A short name: the sockets of throw-away servers are inside.
    return make_home(tmp_path_factory.mktemp("home"), platform)
