"""The check that tries to delete, where the configuration says that nothing can be deleted."""

import warnings

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.verification.canary import try_to_delete

_DESCRIPTION = "A snapshot made to be deleted is still in the offsite repository after trying."


def claims_append_only(site: Site) -> bool:
    """Tell whether there is a claim to try: only an offsite repository said to be append-only."""
    offsite = site.config.repositories.offsite
    return offsite is not None and offsite.append_only


def canary_checks(site: Site) -> list[dg.AssetChecksDefinition]:
    """Draw the one check beside the retention, which relies on the claim; none without a claim."""
    if not claims_append_only(site):
        return []
    asset = Names(site).key(keys.MAINTENANCE, keys.RETENTION)
    with warnings.catch_warnings():
        # Partitions of checks are a preview, as in ``checks.specs``.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)

        @dg.asset_check(
            name=checks.COPIES_CANNOT_BE_DELETED,
            asset=asset,
            description=_DESCRIPTION,
            partitions_def=keys.daily(site),
            op_tags={"dagster/priority": "-1"},  # behind the copying, and also where that failed
        )
        def copies_cannot_be_deleted(site: dg.ResourceParam[Site]) -> dg.AssetCheckResult:
            """Try to delete a canary; that it could not be tried is red too."""
            try:
                tested = try_to_delete(site)
            except (AltBackupError, OSError) as error:
                return _result(passed=False, said=f"deleting could not be tried: {error}")
            said = "is still there" if tested.survived else "was deleted: so can every copy be"
            return _result(
                passed=tested.survived,
                said=f"the canary {tested.snapshot[:8]} in {tested.url} {said}",
            )

    return [copies_cannot_be_deleted]


def _result(*, passed: bool, said: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity.ERROR, description=said
    )
