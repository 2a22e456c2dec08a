"""The check ``signal_arrived``: green only when what was sent was seen."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from alt_backup_assets.config.signals import Metrics, Signals
from alt_backup_assets.signals.signal_path import newest_signal_path
from tests.fakes.receiver import receiving
from tests.unit.definitions.bench import Machine, evaluations, repository
from tests.unit.definitions.signals_bench import with_signals

NAME = "status/metrics:signal_arrived"


def _check(two: Machine) -> dg.AssetCheckEvaluation:
    return evaluations(two.run("status_checks"))[NAME]


def test_a_signal_that_does_not_arrive_is_red(two: Machine) -> None:
    """The first run warns, a nonce that is nowhere is an ERROR, one that arrived passes."""
    with receiving() as receiver:
        with_signals(two, Signals(metrics=Metrics(prometheus=receiver.url)))
        receiver.answer = (200, '{"data": {"result": []}}')
        first = _check(two)
        assert (first.passed, first.severity) == (False, dg.AssetCheckSeverity.WARN)
        two.clock.ahead += timedelta(hours=1)
        missing = _check(two)
        assert (missing.passed, missing.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "is not in backup_signal_path_nonce" in (missing.description or "")
        sent = newest_signal_path(two.site)
        assert sent is not None
        receiver.answer = (
            200,
            f'{{"data": {{"result": [{{"value": [1, "{sent.newest.number}"]}}]}}}}',
        )
        two.clock.ahead += timedelta(hours=1)
        assert _check(two).passed
        receiver.answer = (500, "")
        assert _check(two).severity == dg.AssetCheckSeverity.ERROR


def test_it_is_drawn_where_somebody_can_be_asked(two: Machine) -> None:
    """Without a Prometheus and a ping service there is no check that could never be green."""
    assert NAME not in evaluations(two.run("status_checks"))
    graph = repository(two.site).asset_graph
    assert "signal_arrived" not in {key.name for key in graph.asset_check_keys}
