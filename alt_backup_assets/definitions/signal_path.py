"""The check that turns red when a signal does not arrive, every half hour.

Drawn only where the configuration says who can be asked; ``alt-backup signal-test`` says so where
nobody can.
"""

import warnings
from collections.abc import Iterator

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.signals.signal_path import run_signal_path_test
from alt_backup_assets.site import Site

_DESCRIPTION = "What was sent the last time is in Prometheus and in the log of the ping service."


def signal_path_keys(site: Site) -> list[dg.AssetCheckKey]:
    """Return the key of the check, or nothing where nobody can be asked."""
    signals = site.config.signals
    asked = signals.metrics.prometheus is not None or signals.ping_service is not None
    asset = Names(site).key(keys.MAINTENANCE, keys.RETENTION)
    return [dg.AssetCheckKey(asset, checks.SIGNAL_ARRIVED)] if asked else []


def signal_path_checks(site: Site) -> Iterator[dg.AssetChecksDefinition]:
    """Draw the check, beside that of drift."""
    for key in signal_path_keys(site):
        yield _check(site, key)


def _check(site: Site, key: dg.AssetCheckKey) -> dg.AssetChecksDefinition:
    with warnings.catch_warnings():
        # Partitions of checks are a preview, as in ``checks.specs``.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)

        @dg.asset_check(
            name=key.name,
            asset=key.asset_key,
            description=_DESCRIPTION,
            partitions_def=keys.daily(site),
        )
        def signal_arrived(site: dg.ResourceParam[Site]) -> dg.AssetCheckResult:
            """Ask for the last nonce and send the next; missing, or not to be known, is red."""
            result = run_signal_path_test(site)
            critical = result.verdict == "CRITICAL"
            return dg.AssetCheckResult(
                passed=result.verdict == "GOOD",
                severity=(dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN),
                description="; ".join(f"{p.path}: {p.seen}: {p.detail}" for p in result.paths),
                metadata={f"signal/{p.path}": p.seen for p in result.paths},
            )

    return signal_arrived
