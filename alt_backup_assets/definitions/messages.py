"""The sensor that tells people: what is wrong once, and once that it is well again.

Dagster's open edition has no alerts. This looks at the state of things every half minute instead
of following events, so that nothing depends on where a cursor stood: runs of the command line and
results outside any run count, and what could not be delivered is tried at the next look.
"""

import dagster as dg

from alt_backup_assets.definitions.conditions import (
    FRESHNESS,
    check_conditions,
    freshness_conditions,
    key_of,
)
from alt_backup_assets.definitions.failures import RUN, run_conditions
from alt_backup_assets.errors import VolumeBusy
from alt_backup_assets.signals.told import Announcer, announcing
from alt_backup_assets.site import Site


def messages_sensor(site: Site) -> dg.SensorDefinition:
    """Draw the sensor of a site whose configuration says where messages go."""

    @dg.sensor(
        name="messages",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Tell people of checks, freshness and runs: each once, with what to do."""
        assert context.repository_def is not None, "Dagster evaluates sensors with their location"
        graph = context.repository_def.asset_graph
        try:
            with announcing(site) as announcer:
                announcer.each(list(check_conditions(site, context.instance, graph)))
                announcer.together(list(freshness_conditions(site, context.instance, graph)))
                told = announcer.known(RUN)
                runs = list(run_conditions(site, context.instance, graph, told))
                announcer.each(runs)
                announcer.forget("check ", {key_of(key) for key in graph.asset_check_keys})
                fresh = {f"{FRESHNESS}{k.to_user_string()}" for k in graph.get_all_asset_keys()}
                announcer.forget(FRESHNESS, fresh)
                announcer.forget(RUN, {condition.key for condition in runs})
        except VolumeBusy:
            return dg.SkipReason("another process is telling people something right now")
        return _said(context, announcer)

    return sensor


def _said(context: dg.SensorEvaluationContext, announcer: Announcer) -> dg.SkipReason:
    for problem in announcer.problems:
        context.log.warning(problem)
    return dg.SkipReason("; ".join((f"{announcer.sent} messages were sent", *announcer.problems)))
