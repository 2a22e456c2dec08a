"""The claim that copies cannot be deleted, on a real append-only server and on one that is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alt_backup_assets.config import OffsiteRepository
from alt_backup_assets.errors import RetentionUnsafe
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import CANARY
from alt_backup_assets.tools.restic import Restic
from alt_backup_assets.verification.canary import CanaryTest, newest_test, try_to_delete
from tests.fakes.site import fake_site
from tests.rest_server import rest_server
from tests.restic_bench import Bench
from tests.restic_contract import save

pytestmark = pytest.mark.integration


def _site(bench: Bench, url: str) -> Site:
    """Return a site whose offsite repository is behind the server, and holds a copy."""
    place = OffsiteRepository(url=url, password_file=bench.password, append_only=True)
    offsite = Restic(
        place, binary=bench.binary, cache_dir=bench.directory / "cache", lock_wait_seconds=1
    )
    source = bench.directory / "source"
    source.mkdir()
    (source / "db.dump").write_bytes(b"PGDMP" * 1000)
    offsite.init()
    save(offsite, source, host="fake")
    return replace(fake_site(bench.directory), offsite=offsite)


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Path:
    files = tmp_path / "served"
    files.mkdir()
    return files


def _tried(site: Site) -> CanaryTest:
    result = try_to_delete(site)
    assert newest_test(site) == result
    return result


def test_on_an_append_only_server_the_canary_survives(bench: Bench, files: Path) -> None:
    """`forget` ends with 0 there: only the listing tells."""
    with rest_server(files, append_only=True) as url:
        site = _site(bench, url)
        result = _tried(site)
        assert result.survived
        assert site.offsite is not None
        (canary,) = site.offsite.snapshots(tag=CANARY)
        (copy,) = site.offsite.snapshots(host=site.name)
        assert canary.id == result.snapshot
        with pytest.raises(RetentionUnsafe, match="is still there"):
            site.offsite.forget([copy.id])


def test_on_another_server_the_canary_goes(bench: Bench, files: Path) -> None:
    """The same server without the option: configured append-only, and found out. The copy stays."""
    with rest_server(files, append_only=False) as url:
        site = _site(bench, url)
        assert not _tried(site).survived
        assert site.offsite is not None
        (copy,) = site.offsite.snapshots()
        assert copy.host == site.name
