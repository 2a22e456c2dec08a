"""Puts the code location together from a site."""

from collections.abc import Iterator

import dagster as dg

from alt_backup_assets.config.signals import Pings
from alt_backup_assets.definitions.assets import (
    backup_assets,
    drill_assets,
    offsite_assets,
    volume_specs,
)
from alt_backup_assets.definitions.canary import canary_checks
from alt_backup_assets.definitions.drift import drift_check
from alt_backup_assets.definitions.jobs import jobs
from alt_backup_assets.definitions.maintenance import maintenance_assets
from alt_backup_assets.definitions.messages import messages_sensor
from alt_backup_assets.definitions.metrics import metrics_asset
from alt_backup_assets.definitions.neighbours import neighbours_sensor
from alt_backup_assets.definitions.offsite_drill import offsite_drill_assets
from alt_backup_assets.definitions.pings import pings_sensor
from alt_backup_assets.definitions.report import report_asset
from alt_backup_assets.definitions.schedules import schedules
from alt_backup_assets.definitions.self_test import self_test_asset
from alt_backup_assets.definitions.sensors import drill_new_snapshots
from alt_backup_assets.definitions.status import status_checks
from alt_backup_assets.site import Site


def build_defs(site: Site) -> dg.Definitions:
    """Draw everything from the registry of a site.

    Args:
        site: The machine; it becomes the resource every asset is handed.
    """
    by_name = jobs(site)
    return dg.Definitions(
        assets=[
            *volume_specs(site),
            backup_assets(site),
            offsite_assets(site),
            drill_assets(site),
            offsite_drill_assets(site),
            *maintenance_assets(site),
            metrics_asset(site),
            report_asset(site),
            self_test_asset(site),
        ],
        asset_checks=[
            status_checks(site),
            drift_check(site),
            *canary_checks(site),
        ],
        jobs=list(by_name.values()),
        schedules=schedules(site, by_name),
        sensors=[drill_new_snapshots(site, by_name["restore_drill"]), *_signals(site)],
        resources={"site": site},
        executor=dg.in_process_executor,
    )


def _signals(site: Site) -> Iterator[dg.SensorDefinition]:
    """Draw what tells people, where the configuration says how."""
    signals = site.config.signals
    if signals.messages:
        yield messages_sensor(site)
    if signals.pings != Pings():
        yield pings_sensor(site)
    if site.config.host:
        yield neighbours_sensor(site)
