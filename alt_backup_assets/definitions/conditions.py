"""Dagster's view of how things are, as conditions a person is told of.

Checks by their newest evaluation, whoever reported it: a run, or the command line outside of one;
freshness as the daemon judges it. What was never judged says nothing here: a volume that was
never backed up is red by the check ``status_is_good``. Keep out: what was told already.
"""

from collections.abc import Iterator
from urllib.parse import quote

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)

from alt_backup_assets.definitions import remedies
from alt_backup_assets.definitions.runs import LONGEST_ERROR
from alt_backup_assets.signals.condition import Condition, Level, check_key
from alt_backup_assets.site import Site

FRESHNESS = "freshness "
"""What the keys of freshness conditions begin with."""

_FRESHNESS: dict[FreshnessState, Level] = {
    FreshnessState.PASS: "good",
    FreshnessState.WARN: "warning",
    FreshnessState.FAIL: "critical",
}


def key_of(check: dg.AssetCheckKey) -> str:
    """Return the key of a check's condition."""
    return check_key(check.asset_key.to_user_string(), check.name)


def check_conditions(
    site: Site, instance: dg.DagsterInstance, graph: AssetGraph
) -> Iterator[Condition]:
    """Read how the newest evaluation of every check ended.

    A check that is being evaluated right now says nothing: what it said before stands.
    """
    keys = sorted(graph.asset_check_keys, key=key_of)
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        record = found.get(key)
        event = record.event.dagster_event if record and record.event else None
        if record and event and record.status in COMPLETED:
            yield _of_check(site, event.asset_check_evaluation_data)


def freshness_conditions(
    site: Site, instance: dg.DagsterInstance, graph: AssetGraph
) -> Iterator[Condition]:
    """Read how fresh the daemon found every asset."""
    keys = sorted(k for k in graph.materializable_asset_keys if graph.get(k).freshness_policy)
    for key, record in instance.get_freshness_state_records(keys).items():
        level = _FRESHNESS.get(record.freshness_state)
        if level is None:
            continue
        asset = key.to_user_string()
        yield Condition(
            key=f"{FRESHNESS}{asset}",
            level=level,
            about=f"the freshness of {asset}",
            what="It was not made again within the time its registry entry allows"
            f" (state {record.freshness_state.value}).",
            remedy=remedies.STALE,
            link=link(site, "assets", *key.path),
        )


def link(site: Site, *path: str) -> str | None:
    """Return the address of a page of Dagster's UI, where the operator named it."""
    base = site.config.signals.dagster_url
    return "/".join((base, *(quote(part, safe="") for part in path))) if base else None


def _of_check(site: Site, found: dg.AssetCheckEvaluation) -> Condition:
    wrong: Level = "critical" if found.severity == dg.AssetCheckSeverity.ERROR else "warning"
    asset = found.asset_key
    return Condition(
        key=key_of(found.asset_check_key),
        level="good" if found.passed else wrong,
        about=f"the check {found.check_name} of {asset.to_user_string()}",
        what=f"It failed: {(found.description or 'it says no more')[:LONGEST_ERROR]}",
        remedy=remedies.of_check(found.check_name, asset.path[-1]),
        link=link(site, "assets", *asset.path),
    )
