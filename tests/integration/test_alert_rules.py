"""Every alert rule, by Prometheus' own promtool: where it fires, and where it is silent."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from alt_backup_assets.signals.render import grafana_rules, prometheus_rules
from alt_backup_assets.signals.rule import Expected, Rule
from alt_backup_assets.signals.rules import rules
from tests.integration.alert_cases import END, FIRING, GENERATED, SILENT, WELL, Case
from tests.programs import program

pytestmark = pytest.mark.integration

RULES = {rule.uid: rule for rule in rules(Expected())}
ALL_WELL = tuple(Case(uid) for uid in RULES)
_MINUTES = END // 60


def _alert(rule: Rule, labels: Mapping[str, str]) -> dict[str, object]:
    said = re.sub(r"{{ \.Labels\.(\w+) }}", lambda found: labels[found[1]], rule.description)
    return {
        "exp_labels": {"severity": rule.severity, **labels},
        "exp_annotations": {"summary": rule.summary, "description": said},
    }


def _test(case: Case) -> dict[str, object]:
    rule = RULES[case.uid]
    return {
        "name": f"{case.uid} with {case.changes}",
        "interval": "1m",
        "input_series": [
            {"series": name, "values": value if isinstance(value, str) else f"{value}x{_MINUTES}"}
            for name, value in case.world.items()
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{_MINUTES}m",
                "alertname": case.uid,
                "exp_alerts": [] if case.labels is None else [_alert(rule, case.labels)],
            }
        ],
    }


def _promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def _judge(
    directory: Path, cases: Iterable[Case], judged: Iterable[Rule] = RULES.values()
) -> subprocess.CompletedProcess[str]:
    (directory / "rules.yml").write_text(prometheus_rules(judged))
    content = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [_test(case) for case in cases],
    }
    tests = directory / "tests.yml"
    tests.write_text(yaml.safe_dump(content))
    return _promtool("test", "rules", tests)


def test_every_rule_has_a_world_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    """No rule is without both, and no case speaks of a rule that is not there."""
    assert {case.uid for case in FIRING} == set(RULES)
    assert {case.uid for case in SILENT} == set(RULES)
    assert all(case.labels is not None for case in FIRING)
    assert all(case.labels is None for case in SILENT)


def test_every_rule_is_sound(tmp_path: Path) -> None:
    """Promtool takes the rendered file."""
    path = tmp_path / "rules.yml"
    path.write_text(prometheus_rules(RULES.values()))
    done = _promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_every_rule_fires_with_what_to_do(tmp_path: Path) -> None:
    """With its labels, its severity, and a text in which every label is filled in."""
    done = _judge(tmp_path, FIRING)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_silent_where_it_should_be(tmp_path: Path) -> None:
    """Just within its limit, where another rule speaks, and where all is well."""
    done = _judge(tmp_path, (*SILENT, *ALL_WELL))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_is_wrong_is_seen(tmp_path: Path) -> None:
    """Promtool is really asked: the same cases with the opposite expectation fail."""
    wrong = [Case(case.uid, case.changes) for case in FIRING]
    done = _judge(tmp_path, wrong)
    assert done.returncode == 1
    assert {uid for uid in RULES if f"alertname: {uid}," in done.stderr + done.stdout} == set(RULES)


def test_what_grafana_asks_is_1_wherever_the_rule_fires(tmp_path: Path) -> None:
    """Its threshold is above zero, and the rules' own values may well be 0."""
    (group,) = yaml.safe_load(grafana_rules(RULES.values(), datasource="p"))["groups"]
    asked = {rule["uid"]: rule["data"][0]["model"]["expr"] for rule in group["rules"]}
    judged = [replace(rule, expression=f"{asked[uid]} == 1") for uid, rule in RULES.items()]
    done = _judge(tmp_path, FIRING, judged)
    assert done.returncode == 0, done.stdout + done.stderr


def test_of_several_platforms_each_is_missed(tmp_path: Path) -> None:
    """The one that reports does not hide the one that does not."""
    judged = rules(Expected(platforms=("here", "gone")))
    present = GENERATED.replace("{", '{platform="here",')
    missed = Case("backup-signal-missing", {GENERATED: None, present: END}, {"platform": "gone"})
    done = _judge(tmp_path, [missed], judged)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted({re.split("{", series)[0] for series in WELL}))
def test_every_series_of_the_cases_is_one_that_rules_ask_for(name: str) -> None:
    """A world is not full of series that nobody asks for."""
    assert any(name in rule.expression for rule in RULES.values())
