"""Sites whose signals go to receivers on loopback, and ticks of the sensors that send them.

Keep out: what is to be told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg

from alt_backup_assets.config.signals import Signals
from tests.fakes.receiver import Receiver
from tests.unit.definitions.bench import Machine, repository


@dataclass
class Signalling:
    """A machine that tells people.

    Attributes:
        machine: The machine.
        receiver: Takes messages and pings.
        cursor: Of the sensor that was evaluated last.
    """

    machine: Machine
    receiver: Receiver
    cursor: str | None = None

    def tick(self, sensor: str) -> str:
        """Evaluate a sensor as the daemon does; return what it says of itself."""
        drawn = repository(self.machine.site)
        context = dg.build_sensor_context(
            instance=self.machine.instance, repository_def=drawn, cursor=self.cursor
        )
        data = drawn.get_sensor_def(sensor).evaluate_tick(context)
        self.cursor = data.cursor
        assert not data.run_requests
        return data.skip_message or ""

    @property
    def titles(self) -> list[str]:
        """The titles of the messages that came."""
        return [json.loads(call.body)["title"] for call in self.receiver.calls]

    @property
    def texts(self) -> list[str]:
        """Their texts."""
        return [json.loads(call.body)["message"] for call in self.receiver.calls]

    def report(
        self,
        asset: str,
        check: str,
        *,
        passed: bool,
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    ) -> None:
        """Report a check's result outside any run, as the command line does."""
        event = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset.split("/")),
            check_name=check,
            passed=passed,
            metadata={},
            severity=severity,
            description=f"{check} was judged",
        )
        self.machine.instance.report_runless_asset_event(event)


def with_signals(machine: Machine, signals: Signals) -> None:
    """Configure the signals of a machine."""
    config = machine.site.config.model_copy(update={"signals": signals})
    machine.site = replace(machine.site, config=config)


def secret(directory: Path, name: str, text: str) -> Path:
    """Write a file only its owner can read."""
    path = directory / name
    path.touch(mode=0o600)
    path.write_text(text)
    return path
