"""``alt-backup alerts``: the rules and the scrape job of the site that is configured."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Call, Machine


def test_it_prints_rules_for_the_configured_schedules(machine: Machine, call: Call) -> None:
    """Of what this site has: no database, so no rule about databases."""
    config = machine.configuration
    config.write_text(f"{config.read_text()}schedules: {{metrics: '*/30 * * * *'}}\n")
    ran = call("alerts")
    assert ran.code == 0
    (group,) = yaml.safe_load(ran.out)["groups"]
    made = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    assert "backup-missing-postgres" not in made
    assert made["backup-signal-missing"].endswith("> 9000")


def test_it_prints_rules_for_grafana(call: Call) -> None:
    """For the data source that is named."""
    ran = call("alerts", "--format", "grafana", "--datasource", "mine")
    (group,) = yaml.safe_load(ran.out)["groups"]
    assert {rule["data"][0]["datasourceUid"] for rule in group["rules"]} == {"mine"}


@pytest.mark.parametrize(
    ("arguments", "target"),
    [((), "127.0.0.1:9189"), (("--target", "backup:9189"), "backup:9189")],
)
def test_it_prints_the_scrape_job(call: Call, arguments: tuple[str, ...], target: str) -> None:
    """Of where the metrics are served, or where Prometheus finds that."""
    ran = call("alerts", "--format", "scrape", *arguments)
    (job,) = yaml.safe_load(ran.out)["scrape_configs"]
    assert job["static_configs"] == [{"targets": [target], "labels": {"platform": "test"}}]


def test_several_platforms_are_each_asked_for(call: Call) -> None:
    """By name, so that one that is gone is not hidden by the others."""
    ran = call("alerts", "--platform", "one", "--platform", "two")
    (group,) = yaml.safe_load(ran.out)["groups"]
    assert group["rules"][0]["expr"].startswith(
        'absent(backup_metrics_generated_timestamp{platform="one"})'
        ' or absent(backup_metrics_generated_timestamp{platform="two"}) or '
    )


def test_it_writes_a_file(call: Call, tmp_path: Path) -> None:
    """The same as it prints, and says which."""
    path = tmp_path / "rules.yml"
    ran = call("alerts", "--output", str(path))
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"written to {path}")
    assert path.read_text() == call("alerts").out


def test_it_answers_with_one_object(call: Call) -> None:
    """The uids, and the file as text."""
    ran = call("alerts", "--json")
    assert ran.code == 0
    assert "backup-signal-missing" in ran.json["uids"]
    assert ran.json["content"] == call("alerts").out
    assert call("alerts", "--json", "--format", "scrape").json["uids"] == []


def test_a_file_that_cannot_be_written_is_a_failure(call: Call) -> None:
    """And a format there is not is wrong usage."""
    assert call("alerts", "--output", "/nonexistent/rules.yml").code == 2
    assert call("alerts", "--format", "nagios").code == 64
