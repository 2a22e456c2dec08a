"""A client of restic on a script instead of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.config import Repository
from alt_backup_assets.tools.restic import Restic
from tests.fakes.restic_script import PASSWORD, Client, Script


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Repository:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    return Repository(url=str(tmp_path / "repository"), password_file=tmp_path / "secret")


@pytest.fixture(name="client")
def _client(tmp_path: Path, place: Repository) -> Client:
    def client(script: Script, *, gone: str = "", url: str = place.url) -> Restic:
        return Restic(
            place.model_copy(update={"url": url}),
            binary=Path("/usr/bin/restic"),
            cache_dir=tmp_path / "cache",
            timeout_seconds=1000,
            host_is_gone=lambda hostname: hostname == gone,
            run=script,
        )

    return client
