"""A server behind the HTTP seam for every test of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.dumps.meilisearch import driver, throwaway
from tests.unit.dumps.meilisearch.bench import Bench, FakeHttp


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)

    def http(label: str, url: str, headers: dict[str, str]) -> FakeHttp:
        return FakeHttp(bench, label, url, headers)

    monkeypatch.setattr(driver, "HttpService", http)
    monkeypatch.setattr(throwaway, "_POLL_SECONDS", 0.001)
    return bench
