"""The rules: which there are, what each says, and that the schedules move them."""

from __future__ import annotations

import re

import pytest

from alt_backup_assets.cli.entry import program
from alt_backup_assets.config.configuration import Schedules
from alt_backup_assets.signals.rule import Expected, Rule
from alt_backup_assets.signals.rules import rules
from tests.fakes.site import Machine

RULES = {rule.uid: rule for rule in rules(Expected())}
SEVERITIES = {
    "backup-signal-missing": "critical",
    "backup-missing-restic": "critical",
    "backup-missing-postgres": "critical",
    "backup-disk-space-low": "warning",
    "backup-disk-space-critical": "critical",
    "backup-offsite-stale": "warning",
    "backup-offsite-unreachable": "critical",
    "backup-restore-verify-stale": "warning",
    "backup-restore-verify-failed": "critical",
    "backup-not-initialized": "critical",
    "backup-signal-path": "critical",
    "backup-recovery-point-warn": "warning",
    "backup-recovery-point-fail": "critical",
    "backup-drift": "warning",
    "backup-checksum-wrong": "critical",
    "backup-read-data-stale": "warning",
    "backup-ledger-cut": "critical",
    "backup-self-test-failed": "critical",
    "backup-self-test-stale": "warning",
}
"""The first ten have been known to Grafana under these uids all along."""


def _limits(**schedules: str | bool) -> dict[str, set[str]]:
    """Return the seconds that stand in each rule's expression."""
    made = rules(Expected(schedules=Schedules.model_validate(schedules)))
    return {rule.uid: set(re.findall(r"> (\d+)", rule.expression)) for rule in made}


def test_the_uids_are_those_of_the_contract() -> None:
    """With their severities, each once."""
    assert {uid: rule.severity for uid, rule in RULES.items()} == SEVERITIES
    assert len(RULES) == len(rules(Expected()))
    assert len({rule.summary for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_what_to_do(rule: Rule) -> None:
    """In two sentences at least, with commands that there are, and labels its series have."""
    assert not rule.summary.endswith(".")
    assert len(rule.summary) < 60
    assert rule.description.endswith(".")
    assert len(re.findall(r"[.:;] ", rule.description)) >= 1
    for verb in re.findall(r"`alt-backup ([a-z-]+)", rule.description):
        assert verb in {*program.commands, "self-test"}, verb


@pytest.mark.parametrize(
    ("schedules", "uid", "seconds"),
    [
        ({}, "backup-signal-missing", "10800"),
        ({"metrics": "*/30 * * * *"}, "backup-signal-missing", "9000"),
        ({}, "backup-missing-restic", "93600"),
        ({"daily": "0 3 * * 0"}, "backup-missing-restic", "612000"),
        ({"hourly_snapshots": True}, "backup-missing-restic", "10800"),
        ({}, "backup-missing-postgres", "10800"),
        ({"hourly": "0 */6 * * *"}, "backup-missing-postgres", "28800"),
        ({}, "backup-offsite-stale", "100800"),
        ({"offsite": "0 5 * * 0"}, "backup-offsite-stale", "619200"),
        ({}, "backup-restore-verify-stale", "691200"),
        ({"weekly_drill": "0 6 1 * *"}, "backup-restore-verify-stale", "2764800"),
        ({}, "backup-read-data-stale", "691200"),
        ({}, "backup-self-test-stale", "691200"),
        ({"self_test": "0 8 * * *"}, "backup-self-test-stale", "172800"),
    ],
)
def test_limits_follow_the_schedules(
    schedules: dict[str, str | bool], uid: str, seconds: str
) -> None:
    """A schedule that runs less often rings later, with no number to be kept by hand."""
    assert _limits(**schedules)[uid] == {seconds}


def test_all_parts_of_the_data_take_their_days() -> None:
    """Thirty parts are thirty days, and one of slack."""
    made = {rule.uid: rule for rule in rules(Expected(read_data_parts=30))}
    assert f"> {31 * 86400}" in made["backup-read-data-stale"].expression


def test_what_there_is_not_does_not_ring() -> None:
    """Without an offsite repository or databases, their rules would ring for ever."""
    made = {rule.uid for rule in rules(Expected(offsite=False, databases=False))}
    assert set(RULES) - made == {
        "backup-offsite-stale",
        "backup-offsite-unreachable",
        "backup-missing-postgres",
    }


def test_without_databases_no_snapshot_is_hourly() -> None:
    """The setting is about databases."""
    schedules = Schedules(hourly_snapshots=True)
    made = {r.uid: r for r in rules(Expected(schedules=schedules, databases=False))}
    assert "> 93600" in made["backup-missing-restic"].expression


def test_what_is_expected_is_what_a_site_has(machine: Machine) -> None:
    """Its schedules and parts, its repositories, its engines."""
    assert Expected.of(machine.site) == Expected(
        schedules=machine.site.config.schedules, offsite=True, databases=False
    )
