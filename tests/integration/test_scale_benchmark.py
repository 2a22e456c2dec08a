"""The benchmark's history: what it writes in restic's place is what restic itself would write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alt_backup_assets.dumps.record import artifact_differences, read_record
from alt_backup_assets.errors import RepositoryError
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.tags import of_volume
from alt_backup_assets.status.read import read_status
from benchmarks.scale.history import make_history
from benchmarks.scale.repository import Repository
from benchmarks.scale.site import write_site

pytestmark = pytest.mark.integration

VOLUMES, DAYS = 4, 3


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Site:
    """Return a site with a short history."""
    config = write_site(tmp_path_factory.mktemp("scale"), VOLUMES, restic=restic_binary)
    site = open_site(config)
    make_history(site, days=DAYS, proofs_a_day=2)
    return site


def test_the_status_of_it_is_good(site: Site) -> None:
    """Every volume is fresh, copied and proven: nothing that is timed is an error's path."""
    status = read_status(site)
    assert (status.verdict, status.reasons) == ("GOOD", ())
    assert status.posture.copies == 3
    assert len(status.volumes) == VOLUMES


def test_restic_finds_it_sound(site: Site, tmp_path: Path) -> None:
    """Each snapshot is listed, checked, and comes back with the dump in it."""
    site.local.check()
    for volume in site.registry.planned:
        mine = of_volume(site.local.snapshots(host=site.name), volume.name)
        assert len(mine) == DAYS
    site.local.restore(mine[-1].id, tmp_path / "restored")
    record = read_record(tmp_path / "restored")
    assert record.volume == volume.name
    assert artifact_differences(record, tmp_path / "restored") == ()


def test_a_byte_that_is_wrong_is_found(site: Site) -> None:
    """So what passes above was looked at, and not passed over."""
    place = site.config.repositories.local
    cache = site.state / "restic-cache"
    repository = Repository(site.config.restic, Path(place.url), place.password_file, cache)
    key = repository.key()
    sealed = bytearray(key.seal(json.dumps({"time": "2026-01-01T00:00:00Z"}).encode()))
    sealed[20] ^= 1
    wrong = Path(place.url) / "snapshots" / ("0" * 64)
    wrong.write_bytes(sealed)
    try:
        with pytest.raises(RepositoryError):
            site.local.check()
    finally:
        wrong.unlink()
