"""The check that turns red when somebody adds a volume and nobody plans it, every hour."""

import warnings

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.drift.read import read_drift
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site

_DESCRIPTION = "Every volume there is or is declared is planned or excluded, and every plan is met."


def drift_check(site: Site) -> dg.AssetChecksDefinition:
    """Draw the one check of the whole registry, beside the retention of its snapshots."""
    asset = Names(site).key(keys.MAINTENANCE, keys.RETENTION)
    with warnings.catch_warnings():
        # Partitions of checks are a preview, as in ``checks.specs``.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)

        @dg.asset_check(
            name=checks.NO_DRIFT,
            asset=asset,
            description=_DESCRIPTION,
            partitions_def=keys.daily(site),
        )
        def no_drift(site: dg.ResourceParam[Site]) -> dg.AssetCheckResult:
            """Compare the registry both ways; what cannot be asked is red too."""
            try:
                found = read_drift(site)
            except AltBackupError as error:
                return _result(passed=False, reasons=(f"drift cannot be judged: {error}",))
            return _result(passed=found.verdict == "GOOD", reasons=found.reasons)

    return no_drift


def _result(*, passed: bool, reasons: tuple[str, ...]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(reasons) or "no drift",
        metadata={"drift/reasons": list(reasons)},
    )
