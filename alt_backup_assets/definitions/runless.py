"""What the command line did, as events that belong to no run.

The same materialisations and check results as in ``assets``, so that UI, freshness and alerts
know. Keep out: what to do when Dagster is broken; ``BROKEN`` only says how that shows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import dagster as dg
import yaml
from dagster_postgres.utils import DagsterPostgresException
from dagster_shared.check import CheckError
from sqlalchemy.exc import SQLAlchemyError

from alt_backup_assets.definitions import checks, keys, metadata
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.dumps.take import store
from alt_backup_assets.offsite.copy import Copied
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import BackedUp
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.self_test.result import SelfTestResult

BROKEN = (
    CheckError,  # a wrong dagster.yaml, among others
    dg.DagsterError,
    DagsterPostgresException,
    OSError,
    SQLAlchemyError,
    yaml.YAMLError,
)
"""What an instance raises that is not there, or not healthy."""


class Runless:
    """Reports to one instance.

    Args:
        site: The machine.
        instance: Dagster's.
    """

    def __init__(self, site: Site, instance: dg.DagsterInstance) -> None:
        self._site = site
        self._instance = instance
        self._names = Names(site)

    def backed_up(self, done: BackedUp) -> None:
        """Report the dump and the snapshot, as far as it got."""
        site = self._site
        if done.dump:
            data_at = done.dump.data_at
            key = self._names.key(keys.DUMP, done.volume)
            self._materialised(key, data_at, metadata.of_dump(done.dump))
            before = store(site).before(done.dump)
            self._checked(checks.size_is_plausible(key, done.dump, before))
            self._checked(checks.source_is_healthy(key, done.dump))
        if done.snapshot:
            data_at = done.snapshot.dump.data_at
            key = self._names.key(keys.SNAPSHOT, done.volume)
            self._materialised(key, data_at, metadata.of_snapshot(done.snapshot))
            volume, now = site.registry.volume(done.volume), site.now()
            fresh = checks.data_is_fresh(key, checks.DATA_IS_FRESH, volume, data_at, now)
            self._checked(fresh)

    def copied(self, copied: Copied) -> None:
        """Report an offsite copy."""
        key = self._names.key(keys.OFFSITE, copied.volume)
        taken_at, volume = copied.copy.time, self._site.registry.volume(copied.volume)
        self._materialised(key, taken_at, metadata.of_copy(copied))
        self._checked(checks.copy_is_fresh(self._site, key, volume, taken_at))

    def drilled(self, proof: Proof) -> None:
        """Report a drill; one that failed materialises nothing."""
        stage = keys.OFFSITE_DRILL if proof.source == "offsite" else keys.RESTORE_DRILL
        key = self._names.key(stage, proof.volume)
        if proof.verdict == "PROVEN":
            self._materialised(key, proof.taken_at, metadata.of_proof(proof))
        self._checked(checks.content_matches(key, proof))

    def self_tested(self, result: SelfTestResult) -> None:
        """Report a self-test; one that failed materialises nothing."""
        if result.verdict == "GOOD":
            key = self._names.key(keys.MAINTENANCE, keys.SELF_TEST)
            self._materialised(key, result.checked_at, metadata.of_self_test(result))

    def _materialised(
        self, key: dg.AssetKey, data_time: datetime, facts: metadata.Metadata
    ) -> None:
        event = dg.AssetMaterialization(
            key, metadata=facts, partition=self._site.day_of(data_time).isoformat()
        )
        self._instance.report_runless_asset_event(event)

    def _checked(self, result: dg.AssetCheckResult) -> None:
        self._instance.report_runless_asset_event(checks.event(result))


@contextmanager
def open_runless(site: Site) -> Iterator[Runless]:
    """Open the instance that ``DAGSTER_HOME`` names.

    Raises:
        DagsterError: There is none, or it is broken; see ``BROKEN``.
    """
    with dg.DagsterInstance.get() as instance:
        yield Runless(site, instance)
