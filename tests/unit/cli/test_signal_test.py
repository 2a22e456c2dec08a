"""``alt-backup signal-test``: the exit code is what is known of the signals."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.fakes.receiver import receiving
from tests.unit.cli.conftest import Call, Machine


def test_nothing_configured_is_1_and_says_so(call: Call) -> None:
    """Where nobody can be asked nothing is green."""
    ran = call("signal-test", "--json")
    assert ran.code == 1
    assert ran.json["verdict"] == "WARNING"
    assert {path["seen"] for path in ran.json["paths"]} == {"not configured"}
    assert "signals.metrics.prometheus" in call("signal-test").out


def test_what_is_missing_is_2_and_what_arrived_is_0(machine: Machine, call: Call) -> None:
    """A Prometheus that never heard of it is CRITICAL; one that has it is good."""
    with receiving() as receiver:
        text = machine.configuration.read_text()
        signals = f"signals: {{metrics: {{prometheus: '{receiver.url}'}}}}\n"
        machine.configuration.write_text(text + signals)
        receiver.answer = (200, '{"data": {"result": []}}')
        assert call("signal-test").code == 1
        machine.later = timedelta(hours=1)
        ran = call("signal-test", "--json")
        assert ran.code == 2
        assert ran.json["verdict"] == "CRITICAL"
        kept = (machine.state / "signals" / "signal-path.json").read_text()
        number = json.loads(kept)["newest"]["number"]
        receiver.answer = (200, f'{{"data": {{"result": [{{"value": [1, "{number}"]}}]}}}}')
        machine.later = timedelta(hours=2)
        ran = call("signal-test")
        assert ran.code == 0
        assert "arrived" in ran.out
