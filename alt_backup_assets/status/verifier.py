"""Whether the verifier still proves that it can turn red: what the proofs themselves rely on.

Where it failed its own test, everything proven means less than it says. A new installation has
had no time for one, so that none at all counts once the oldest snapshot is older than a test may
be. The alert rules ``backup-self-test-*`` go by the same limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alt_backup_assets.config.configuration import Schedules
from alt_backup_assets.config.intervals import longest_interval
from alt_backup_assets.errors import DrillError
from alt_backup_assets.site import Site
from alt_backup_assets.status.verdict import Finding, hours
from alt_backup_assets.verification.self_test.result import SelfTestResult, newest_self_test

_SLACK = timedelta(days=1)
_RUN = "run `alt-backup self-test`"


def oldest_test(schedules: Schedules) -> timedelta:
    """Return how old the newest test may be before it is overdue."""
    return longest_interval(schedules.self_test) + _SLACK


def verifier_findings(site: Site, begun: datetime | None, now: datetime) -> tuple[Finding, ...]:
    """Judge the verifier's newest test of itself.

    Args:
        site: The machine.
        begun: Data time of the oldest snapshot; None without any.
        now: Aware time its age counts to.
    """
    limit = oldest_test(site.config.schedules)
    try:
        newest = newest_self_test(site)
    except DrillError as error:
        return (("WARNING", str(error)),)
    if newest is None:
        if begun is None or now - begun <= limit:
            return ()
        return (("WARNING", f"the verifier has never tested itself: {_RUN}"),)
    if newest.verdict != "GOOD":
        return (("CRITICAL", _failure(newest)),)
    age = now - newest.checked_at
    if age > limit:
        said = f"the verifier's newest test of itself is {hours(age)} old, over {hours(limit)}"
        return (("WARNING", f"{said}: see the newest run of self_test, then {_RUN}"),)
    return ()


def _failure(newest: SelfTestResult) -> str:
    said = "; ".join(newest.reasons[:3])
    when = f"{newest.checked_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"the verifier failed its own test of {when}: {said}. Do not rely on newer proofs; put that"
        f" right, then {_RUN}"
    )
