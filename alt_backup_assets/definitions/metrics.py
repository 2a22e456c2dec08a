"""The asset by which Prometheus hears: the metrics, every hour, and whether they arrive.

The signal-path self-test is a check of this asset and made by the same step: what it sends as a
metric has to be in the very file that is written behind it. So is whether other hosts are heard
of, where some are watched. Keep out: what is in the metrics;
``alt_backup_assets.signals`` says that to the command line too.
"""

import warnings

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.assets import Events
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.definitions.neighbours import heard_result
from alt_backup_assets.signals.facts import read_facts
from alt_backup_assets.signals.signal_path import (
    SignalPathResult,
    can_be_asked,
    run_signal_path_test,
)
from alt_backup_assets.signals.textfile import write_textfile
from alt_backup_assets.site import Site

_ARRIVED = "What was sent the last time is in Prometheus and in the log of the ping service."

_HEARD = "Every other host that this one watches was heard of when this one was."


def metrics_asset(site: Site) -> dg.AssetsDefinition:
    """Draw the metrics, behind all they speak of."""
    names, planned = Names(site), site.registry.planned
    stages = (keys.OFFSITE, keys.RESTORE_DRILL)

    @dg.asset(
        key=names.key(keys.STATUS, keys.METRICS),
        group_name=keys.STATUS,
        deps=[names.key(stage, volume.name) for stage in stages for volume in planned],
        check_specs=_specs(site),
        partitions_def=keys.daily(site),
        kinds={"prometheus"},
    )
    def metrics(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Events:
        """Read what Prometheus is to know, and write the textfile where one is configured."""
        arrived = [_arrived(run_signal_path_test(site))] if can_be_asked(site) else []
        path = site.config.signals.metrics.textfile
        facts = write_textfile(site, path) if path else read_facts(site)
        if path is None:
            context.log.info("signals.metrics.textfile is not set: nothing was written")
        yield dg.MaterializeResult(
            metadata={
                "status/verdict": facts.status.verdict,
                "status/reasons": list(facts.status.reasons),
                "metrics/textfile": str(path) if path else "none is configured",
            }
        )
        yield from arrived
        if site.config.signals.neighbours.hosts:
            yield heard_result(site, context.instance)

    return metrics


def _specs(site: Site) -> list[dg.AssetCheckSpec]:
    """Return the checks that can be green: somebody can be asked, and others are watched."""
    wanted = {
        checks.SIGNAL_ARRIVED: (_ARRIVED, can_be_asked(site)),
        checks.NEIGHBOURS_ARE_HEARD: (_HEARD, bool(site.config.signals.neighbours.hosts)),
    }
    with warnings.catch_warnings():
        # Partitions of checks are a preview, as in ``checks.specs``.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name=name,
                asset=Names(site).key(keys.STATUS, keys.METRICS),
                description=description,
                partitions_def=keys.daily(site),
            )
            for name, (description, is_wanted) in wanted.items()
            if is_wanted
        ]


def _arrived(result: SignalPathResult) -> dg.AssetCheckResult:
    """Show what became of what was sent; missing, or not to be known, is red."""
    critical = result.verdict == "CRITICAL"
    return dg.AssetCheckResult(
        check_name=checks.SIGNAL_ARRIVED,
        passed=result.verdict == "GOOD",
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{p.path}: {p.seen}: {p.detail}" for p in result.paths),
        metadata={f"signal/{p.path}": p.seen for p in result.paths},
    )
