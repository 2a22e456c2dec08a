"""The sensor by which hosts under one Dagster miss each other.

A host whose code server is gone disappears from the UI's graph, its freshness is judged no more,
and no sensor of its own can say so. What stays are the ticks of its sensors in the storage that
all share: they end. Each host's sensor is its sign of life, and looks at those of the others.
Keep out: telling people, which ``messages`` does for every check.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, TickStatus

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site

SENSOR = "neighbours"

_ENDED_WELL = [TickStatus.SKIPPED, TickStatus.SUCCESS]


def neighbours_sensor(site: Site) -> dg.SensorDefinition:
    """Draw the sensor of a site that shares its Dagster with others."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Be heard of; judge the neighbours, and report it when it is news."""
        if not site.config.signals.neighbours.hosts:
            return dg.SkipReason("this host is here, and watches no other")
        if _heard_at(context.instance, site.config.host) is None:
            return dg.SkipReason("this is the first look: too early to miss anybody")
        result = heard_result(site, context.instance)
        silent = ", ".join(silent_neighbours(site, context.instance))
        if silent == context.cursor:
            return dg.SkipReason(result.description)
        return dg.SensorResult(asset_events=[checks.event(result)], cursor=silent)

    return sensor


def silent_neighbours(site: Site, instance: dg.DagsterInstance) -> list[str]:
    """Return the watched hosts that are not heard of any more.

    Measured from the newest tick of this host and not from now: a daemon that was away is nobody's
    silence, and the clocks of the hosts need not agree.
    """
    watched = site.config.signals.neighbours
    here = _heard_at(instance, site.config.host)
    heard = {host: _heard_at(instance, host) for host in watched.hosts}
    return [
        host
        for host, at in heard.items()
        if at is None or here is None or here - at > watched.silent_seconds
    ]


def heard_result(site: Site, instance: dg.DagsterInstance) -> dg.AssetCheckResult:
    """Judge the neighbours; one never heard of is missing too."""
    silent = silent_neighbours(site, instance)
    said = "; ".join(_said(host, _heard_at(instance, host)) for host in silent)
    return dg.AssetCheckResult(
        asset_key=Names(site).key(keys.STATUS, keys.METRICS),
        check_name=checks.NEIGHBOURS_ARE_HEARD,
        passed=not silent,
        description=said or "every neighbour was heard of",
        metadata={"neighbours/silent": silent},
    )


def _said(host: str, at: float | None) -> str:
    if at is None:
        return f"{host} was never heard of: is its `location_name` in the workspace its `host`?"
    moment = datetime.fromtimestamp(at, UTC)
    return f"{host} was last heard of at {moment:%Y-%m-%d %H:%M} UTC"


def _heard_at(instance: dg.DagsterInstance, host: str | None) -> float | None:
    """Return when the sensor of a host last ended well, in seconds since 1970; None for never."""
    ticks = (
        tick
        for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if state.instigator_name == SENSOR and _location(state) == host
        for tick in instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1, statuses=_ENDED_WELL
        )
    )
    return max((tick.timestamp for tick in ticks), default=None)


def _location(state: InstigatorState) -> str:
    return state.origin.repository_origin.code_location_origin.location_name
