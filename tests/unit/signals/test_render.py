"""The files for Prometheus and Grafana: one source, and the shipped copies are its rendering."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from alt_backup_assets.signals.render import grafana_rules, prometheus_rules, scrape_config
from alt_backup_assets.signals.rule import Expected, Rule
from alt_backup_assets.signals.rules import rules

COMPOSE = Path(__file__).parents[3] / "compose"
RULES = rules(Expected())
SHIPPED = {
    "prometheus/alt-backup.rules.yml": prometheus_rules(RULES),
    "prometheus/scrape.yml": scrape_config("127.0.0.1:9189", platform="alt"),
    "grafana/provisioning/alerting/alt-backup.yaml": grafana_rules(RULES, datasource="prometheus"),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_are_the_rendering(name: str) -> None:
    """Write them anew with `alt-backup alerts --format ... --output compose/...`."""
    assert (COMPOSE / name).read_text() == SHIPPED[name]


def _group(text: str) -> dict[str, Any]:
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    (group,) = groups
    return group


def test_prometheus_gets_every_rule() -> None:
    """With expression, time, severity and text."""
    by_name = {rule["alert"]: rule for rule in _group(prometheus_rules(RULES))["rules"]}
    assert list(by_name) == [rule.uid for rule in RULES]
    for rule in RULES:
        written = by_name[rule.uid]
        assert written["expr"] == rule.expression
        assert written["labels"] == {"severity": rule.severity}
        assert written["annotations"]["description"] == rule.description


@pytest.mark.parametrize(
    ("hold", "written"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=10), "10m"),
        (timedelta(hours=1), "60m"),
    ],
)
def test_durations_are_written_as_both_read_them(hold: timedelta, written: str) -> None:
    """In whole minutes or seconds."""
    rule = Rule("uid", "warning", "up == 0", hold, "summary", "description")
    (made,) = _group(prometheus_rules([rule]))["rules"]
    assert made["for"] == written
    (made,) = _group(grafana_rules([rule], datasource="p"))["rules"]
    assert made["for"] == written


def test_grafana_gets_every_rule() -> None:
    """Under its uid, with the fields that provisioning requires."""
    group = _group(grafana_rules(RULES, datasource="prom-uid"))
    assert {"orgId", "name", "folder", "interval", "rules"} == set(group)
    assert [rule["uid"] for rule in group["rules"]] == [rule.uid for rule in RULES]
    assert all(len(rule["uid"]) <= 40 for rule in group["rules"])
    for rule, written in zip(RULES, group["rules"], strict=True):
        query = written["data"][0]
        assert query["datasourceUid"] == "prom-uid"
        assert query["model"]["expr"] == f"clamp({rule.expression}, 1, 1)"
        assert query["relativeTimeRange"] == {"from": 600, "to": 0}
        assert written["labels"] == {"severity": rule.severity}
        assert written["for"].endswith(("m", "s"))


def test_each_step_of_a_rule_reads_the_one_before() -> None:
    """The condition is the last of a chain that begins with the query."""
    for rule in _group(grafana_rules(RULES, datasource="p"))["rules"]:
        query, reduced, judged = rule["data"]
        assert [step["refId"] for step in rule["data"]] == ["A", "B", "C"]
        assert all(step["model"]["refId"] == step["refId"] for step in rule["data"])
        assert (reduced["model"]["type"], reduced["model"]["expression"]) == ("reduce", "A")
        assert (judged["model"]["type"], judged["model"]["expression"]) == ("threshold", "B")
        assert {step["datasourceUid"] for step in (reduced, judged)} == {"__expr__"}
        assert query["model"]["instant"]
        assert rule["condition"] == "C"


def test_no_data_is_good_since_absence_is_asked_for() -> None:
    """And a Prometheus that cannot be asked is the alert of missing signals."""
    made = {r["uid"]: r for r in _group(grafana_rules(RULES, datasource="p"))["rules"]}
    assert {rule["noDataState"] for rule in made.values()} == {"OK"}
    errors = {uid: rule["execErrState"] for uid, rule in made.items()}
    assert errors.pop("backup-signal-missing") == "Alerting"
    assert set(errors.values()) == {"Error"}


def test_nothing_in_the_file_for_grafana_is_taken_for_a_variable() -> None:
    """Grafana replaces what begins with a dollar sign by the environment, or by nothing."""
    assert "$" not in grafana_rules(RULES, datasource="p")


def test_the_scrape_job_leaves_a_reading_its_time() -> None:
    """The time limit is shorter than the interval, as Prometheus requires."""
    (job,) = yaml.safe_load(scrape_config("backup:9189", platform="alt"))["scrape_configs"]
    assert job == {
        "job_name": "alt-backup",
        "scrape_interval": "1m",
        "scrape_timeout": "50s",
        "static_configs": [{"targets": ["backup:9189"], "labels": {"platform": "alt"}}],
    }
