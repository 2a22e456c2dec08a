"""What was exported, and which of the shipped rules fire over it so much later, by promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from alt_backup_assets.signals.render import prometheus_rules
from alt_backup_assets.signals.rule import GENERATED, Expected
from alt_backup_assets.signals.rules import rules
from tests.programs import program

_STEP_MINUTES = 10
"""Between two looks of the rules."""


def scraped(text: str) -> dict[str, float]:
    """Return what was exported as Prometheus has it from its scrape job, by series."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {"job": "alt-backup", "instance": "here", **sample.labels}
            inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
            found[f"{sample.name}{{{inside}}}"] = sample.value
    return found


def require_alerts(room: Path, exported: str, minutes: int, alerts: Collection[str]) -> None:
    """Require that exactly these rules fire so long after something was exported.

    Args:
        room: Where promtool's files are put.
        exported: The metrics; empty where Prometheus has none.
        minutes: For how long nothing else was.
        alerts: Uids; of the rules of a site without databases and without an offsite repository.
    """
    judged = rules(Expected(offsite=False, databases=False))
    (room / "rules.yml").write_text(prometheus_rules(judged))
    series = [
        {"series": name, "values": f"{value:f}x{minutes // _STEP_MINUTES}"}
        for name, value in _on_promtools_clock(scraped(exported)).items()
    ]
    firing = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minutes}m",
        "exp_samples": [
            {"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(alerts)
        ],
    }
    step = f"{_STEP_MINUTES}m"
    test = {"interval": step, "input_series": series, "promql_expr_test": [firing]}
    content = {"rule_files": ["rules.yml"], "evaluation_interval": step, "tests": [test]}
    (room / "tests.yml").write_text(yaml.safe_dump(content))
    argv = [str(program("promtool")), "test", "rules", str(room / "tests.yml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"after {minutes} min: {done.stdout}{done.stderr}"


def _on_promtools_clock(samples: Mapping[str, float]) -> dict[str, float]:
    """Let the times count from when they were exported, which is where promtool's clock starts."""
    start = next((at for name, at in samples.items() if name.startswith(GENERATED)), 0)
    return {
        name: at - start if name.partition("{")[0].endswith("_timestamp") else at
        for name, at in samples.items()
    }
