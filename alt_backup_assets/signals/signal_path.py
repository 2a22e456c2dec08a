"""The signal-path self-test: what was sent the last time must be seen where it was to arrive.

A nonce leaves as the metric ``backup_signal_path_nonce`` and as a line in a ping's log; the next
run asks Prometheus and the ping service for it. Twenty-two days of silence taught this: a signal
nobody receives looks like a good day. What was not seen, and whoever does not answer, is CRITICAL.
Keep out: how the metric is published; the collector takes ``newest_nonce``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime

from alt_backup_assets.config.signals import Pings
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.signals.arrival import METRIC, ping_arrived, value_arrived
from alt_backup_assets.signals.ping import Job, ping
from alt_backup_assets.signals.state import read_state, state_file
from alt_backup_assets.site import Site
from alt_backup_assets.status.report import Verdict, worst
from alt_backup_assets.tools.record_file import keep
from alt_backup_assets.values import Frozen

Seen = Literal["arrived", "missing", "under way", "not configured"]

ON_ITS_WAY = timedelta(minutes=10)
"""So long a metric may take: it is collected, written and scraped, each at its own pace."""

_VERDICTS: dict[Seen, Verdict] = {
    "arrived": "GOOD",
    "missing": "CRITICAL",
    "under way": "WARNING",
}


class Nonce(Frozen):
    """What was sent.

    Attributes:
        number: The metric's value: the second it was made, so that it only ever grows.
        run: The run id of its ping.
        sent_at: When it was made.
    """

    number: int
    run: UUID
    sent_at: AwareDatetime


class PathResult(Frozen):
    """What became of the last nonce on one path.

    Attributes:
        path: ``metric`` or ``ping``.
        seen: ``under way`` where it is too early to say, or nothing was sent before.
        detail: The same in a sentence.
    """

    path: Literal["metric", "ping"]
    seen: Seen
    detail: str


class SignalPathResult(Frozen):
    """How the self-test ended.

    Attributes:
        verdict: CRITICAL where anything is missing; GOOD only where something was seen arriving
            and nothing is missing.
        paths: Each path.
        asked: The nonce that was looked for; None where there was none before.
        newest: The one that is on its way now.
    """

    verdict: Verdict
    paths: tuple[PathResult, ...]
    asked: Nonce | None
    newest: Nonce


def can_be_asked(site: Site) -> bool:
    """Tell whether the configuration names anybody who knows what arrived."""
    signals = site.config.signals
    return signals.metrics.prometheus is not None or signals.ping_service is not None


def newest_signal_path(site: Site) -> SignalPathResult | None:
    """Return how the newest test ended that was not too early; None where nothing was sent yet."""
    return read_state(state_file(site, "signal-path"), SignalPathResult)


def run_signal_path_test(site: Site) -> SignalPathResult:
    """Ask whether the last nonce arrived, and send the next.

    One that is too young to be missed is left on its way, so that this may run at any time.
    """
    before, now = newest_signal_path(site), site.now()
    last = before.newest if before else None
    paths = (_metric(site, last), _ping(site, last))
    if last is not None and timedelta() <= now - last.sent_at < ON_ITS_WAY:
        return SignalPathResult(verdict=_verdict(paths), paths=paths, asked=last, newest=last)
    newest = Nonce(number=int(now.timestamp()), run=uuid4(), sent_at=now)
    paths = (paths[0], _sent(site, paths[1], newest))
    result = SignalPathResult(verdict=_verdict(paths), paths=paths, asked=last, newest=newest)
    keep(state_file(site, "signal-path"), result)
    return result


def _verdict(paths: tuple[PathResult, ...]) -> Verdict:
    """Return the worst; a path that is not configured is no reason where another one works."""
    configured = [_VERDICTS[path.seen] for path in paths if path.seen != "not configured"]
    return worst(configured) if configured else "WARNING"


def _metric(site: Site, last: Nonce | None) -> PathResult:
    prometheus = site.config.signals.metrics.prometheus
    if prometheus is None:
        return PathResult(
            path="metric",
            seen="not configured",
            detail="signals.metrics.prometheus names no Prometheus that could be asked",
        )
    if last is None:
        return _first("metric")
    try:
        arrived = value_arrived(prometheus, last.number)
    except AltBackupError as error:
        return _unknown("metric", error)
    return _judged(site, "metric", last, f"{METRIC} in Prometheus", arrived=arrived)


def _ping(site: Site, last: Nonce | None) -> PathResult:
    service, job = site.config.signals.ping_service, _job(site.config.signals.pings)
    if service is None or job is None:
        return PathResult(
            path="ping",
            seen="not configured",
            detail="signals.ping_service and an address in signals.pings are both needed",
        )
    if last is None:
        return _first("ping")
    try:
        arrived = ping_arrived(service, site.config.signals.pings, job, last.run)
    except AltBackupError as error:
        return _unknown("ping", error)
    return _judged(site, "ping", last, f"the log of the {job} check", arrived=arrived)


def _sent(site: Site, before: PathResult, nonce: Nonce) -> PathResult:
    """Send the nonce as a ping; one that cannot even be sent is known to be missing."""
    job = _job(site.config.signals.pings)
    if before.seen == "not configured" or job is None:
        return before
    problem = ping(
        site.config.signals.pings, job, "log", run=nonce.run, said=f"signal path {nonce.number}"
    )
    return before if problem is None else PathResult(path="ping", seen="missing", detail=problem)


def _judged(
    site: Site, path: Literal["metric", "ping"], last: Nonce, where: str, *, arrived: bool
) -> PathResult:
    what = f"what left at {last.sent_at:%Y-%m-%d %H:%M:%S} UTC"
    if arrived:
        return PathResult(path=path, seen="arrived", detail=f"{what} is in {where}")
    if site.now() - last.sent_at < ON_ITS_WAY:
        return PathResult(path=path, seen="under way", detail=f"{what} is not yet in {where}")
    return PathResult(path=path, seen="missing", detail=f"{what} is not in {where}")


def _first(path: Literal["metric", "ping"]) -> PathResult:
    return PathResult(path=path, seen="under way", detail="nothing was sent before this run")


def _unknown(path: Literal["metric", "ping"], error: AltBackupError) -> PathResult:
    return PathResult(path=path, seen="missing", detail=f"whether it arrived is unknown: {error}")


def _job(pings: Pings) -> Job | None:
    """Return whose check gets the line: the first there is, the least busy first."""
    jobs: tuple[Job, ...] = ("verify", "offsite", "daily", "hourly")
    return next((job for job in jobs if getattr(pings, job) is not None), None)
