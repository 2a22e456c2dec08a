"""Tries to delete: whether the offsite repository is as undeletable as the configuration says.

A canary is a snapshot made for nothing else, with a tag of its own and another host than ours, so
that no listing of volumes, no count and no retention ever meets it. Only the listing afterwards
is believed: `forget` ends with 0 on an append-only server and removes nothing. What fails in any
other way is no proof of anything.

Source: SPEC section 4.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

from pydantic import AwareDatetime, ValidationError

from alt_backup_assets.errors import RepositoryError, RetentionUnsafe
from alt_backup_assets.offsite.copy import target
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import CANARY
from alt_backup_assets.tools.record_file import keep
from alt_backup_assets.tools.restic import Restic, Snapshot
from alt_backup_assets.values import Frozen

BELIEVED = timedelta(days=8)
"""How long a test is believed."""

_USED_FOR = timedelta(days=7)


class CanaryTest(Frozen):
    """What came of the newest try to delete.

    Attributes:
        tested_at: When.
        url: The repository.
        snapshot: The canary.
        survived: Whether it was still listed afterwards.
    """

    tested_at: AwareDatetime
    url: str
    snapshot: str
    survived: bool

    def is_believed(self, now: AwareDatetime) -> bool:
        """Tell whether the repository is known, by this test, to resist deletion."""
        return self.survived and now - self.tested_at <= BELIEVED


def try_to_delete(site: Site) -> CanaryTest:
    """Put a canary into the offsite repository, try to delete it, and record what came of it.

    A canary that survived is used again for a week, so that they do not pile up.

    Raises:
        ConfigurationError: There is no offsite repository.
        RepositoryError: It could not be tried; that is no result, and none is recorded.
    """
    offsite = target(site)
    canary = _canary(site, offsite)
    try:
        offsite.forget([canary.id])
    except RetentionUnsafe:
        survived = canary.id in {s.id for s in offsite.snapshots(host=_host(site))}
    else:
        survived = False
    result = CanaryTest(
        tested_at=site.now(), url=offsite.url, snapshot=canary.id, survived=survived
    )
    _record(site, result)
    return result


def newest_test(site: Site) -> CanaryTest | None:
    """Return what came of the newest try on the present offsite repository; None for none.

    Raises:
        RepositoryError: Its record cannot be read, so that nobody knows.
    """
    path = _path(site)
    try:
        found = CanaryTest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise RepositoryError(
            f"{path} cannot be read, so nobody knows whether copies can be deleted: run"
            " `alt-backup offsite`"
        ) from None
    return found if site.offsite and found.url == site.offsite.url else None


def _canary(site: Site, offsite: Restic) -> Snapshot:
    now = site.now()
    known = offsite.snapshots(host=_host(site), tag=CANARY)
    if known and now - known[-1].time < _USED_FOR:
        return known[-1]
    directory = Path(mkdtemp(prefix=".canary-", dir=site.state))
    try:
        (directory / "canary").write_text(f"made to be deleted, {now.isoformat()}\n")
        return offsite.backup(directory, host=_host(site), tags=[CANARY], taken_at=now)
    finally:
        shutil.rmtree(directory)


def _host(site: Site) -> str:
    return f"{CANARY}:{site.name}"  # no platform's name has a colon


def _record(site: Site, result: CanaryTest) -> None:
    keep(_path(site), result)


def _path(site: Site) -> Path:
    return site.state / "canary.json"
