"""The rules in the formats of Prometheus and Grafana, and the scrape job that feeds them.

Sources: Prometheus' documentation, "Alerting rules" and "Configuration"; Grafana's, "Use
configuration files to provision alerting resources". Keep out: what rings, and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

import yaml

from alt_backup_assets.signals.rule import Rule

Format = Literal["prometheus", "grafana", "scrape"]
Document = dict[str, object]

GROUP = "alt-backup"
FOLDER = "Backup"
_WIDTH = 96

_HEAD = """\
# Made by `alt-backup alerts --format {format}`; the thresholds follow the configured schedules,
# so make it anew when those change.
"""
_SCRAPE = """\
# Put this job into prometheus.yml, and the rules of `alt-backup alerts --format prometheus` under
# its rule_files. Where a node exporter runs with --collector.textfile.directory, its job brings the
# same series from signals.metrics.textfile: then give that job the label, and leave this one out.
"""


def prometheus_rules(rules: Iterable[Rule], *, interval: timedelta = timedelta(minutes=1)) -> str:
    """Write a rules file of Prometheus.

    Args:
        rules: What rings.
        interval: How often it is looked at.
    """
    group = {
        "name": GROUP,
        "interval": _duration(interval),
        "rules": [_prometheus_rule(rule) for rule in rules],
    }
    return _HEAD.format(format="prometheus") + _yaml({"groups": [group]})


def _prometheus_rule(rule: Rule) -> Document:
    return {
        "alert": rule.uid,
        "expr": rule.expression,
        "for": _duration(rule.hold),
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "description": rule.description},
    }


def grafana_rules(rules: Iterable[Rule], *, datasource: str) -> str:
    """Write a file for Grafana's ``provisioning/alerting``.

    Args:
        rules: What rings.
        datasource: The uid of the Prometheus data source.
    """
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": FOLDER,
        "interval": "1m",
        "rules": [_grafana_rule(rule, datasource) for rule in rules],
    }
    return _HEAD.format(format="grafana") + _yaml({"apiVersion": 1, "groups": [group]})


def _grafana_rule(rule: Rule, datasource: str) -> Document:
    """Return a rule: the expression as A, its last value as B, whether there is one as C.

    A sample counts whatever its value, so the expression's own is made 1. "No data" is good,
    since absence is in the expressions; where Prometheus cannot be asked, that is an error, and
    for the rule of missing signals it is the alert itself.
    """
    return {
        "uid": rule.uid,
        "title": rule.summary,
        "condition": "C",
        "data": [
            _query(rule, datasource),
            _step("B", {"type": "reduce", "expression": "A", "reducer": "last"}),
            _step("C", {"type": "threshold", "expression": "B", "conditions": [_ABOVE_ZERO]}),
        ],
        "noDataState": "OK",
        "execErrState": "Alerting" if rule.uid == "backup-signal-missing" else "Error",
        "for": _duration(rule.hold),
        "annotations": {"summary": rule.summary, "description": rule.description},
        "labels": {"severity": rule.severity},
        "isPaused": False,
    }


_ABOVE_ZERO = {"evaluator": {"type": "gt", "params": [0]}}


def _query(rule: Rule, datasource: str) -> Document:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": datasource,
        "model": {
            "refId": "A",
            "expr": f"clamp({rule.expression}, 1, 1)",
            "instant": True,
            "range": False,
        },
    }


def _step(name: str, model: Document) -> Document:
    source = {"type": "__expr__", "uid": "__expr__"}
    return {
        "refId": name,
        "datasourceUid": "__expr__",
        "model": {"refId": name, "datasource": source, **model},
    }


def scrape_config(target: str, *, platform: str, interval: timedelta = timedelta(minutes=1)) -> str:
    """Write the scrape job of ``alt-backup metrics --serve``.

    Args:
        target: Host and port where it is served, as Prometheus reaches it.
        platform: Its name, as a label that tells it from others.
        interval: How often; a reading may take most of it.
    """
    job = {
        "job_name": GROUP,
        "scrape_interval": _duration(interval),
        "scrape_timeout": _duration(interval * 5 / 6),
        "static_configs": [{"targets": [target], "labels": {"platform": platform}}],
    }
    return _SCRAPE + _yaml({"scrape_configs": [job]})


def _duration(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes}m" if minutes and not seconds else f"{minutes * 60 + seconds}s"


def _yaml(document: Document) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=_WIDTH)
