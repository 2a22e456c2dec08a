"""Facts as metrics: every name, and no number that nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alt_backup_assets.errors import RepositoryError, WrongPassword
from alt_backup_assets.signals.facts import (
    Chain,
    DatabaseDump,
    Facts,
    read_facts,
)
from alt_backup_assets.signals.metrics import families
from alt_backup_assets.signals.rule import Expected
from alt_backup_assets.signals.rules import rules
from alt_backup_assets.signals.signal_path import Nonce, PathResult, SignalPathResult
from alt_backup_assets.signals.textfile import exposition
from alt_backup_assets.verification.repository_check import check
from alt_backup_assets.verification.self_test.result import (
    ControlResult,
    FaultResult,
    SelfTestResult,
)
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine
from tests.unit.signals.samples import samples, value

ALWAYS_QUERIED = {
    "backup_last_success_timestamp": {"type"},
    "backup_age_hours": {"type"},
    "backup_restic_snapshot_count": set(),
    "backup_total_size_bytes": set(),
    "backup_file_count": set(),
    "backup_repository_initialized": set(),
    "backup_postgres_last_success_timestamp": {"database"},
    "backup_postgres_size_bytes": {"database"},
    "backup_disk_total_bytes": set(),
    "backup_disk_used_bytes": set(),
    "backup_disk_available_bytes": set(),
    "backup_disk_usage_percent": set(),
    "backup_offsite_snapshot_count": set(),
    "backup_offsite_reachable": set(),
    "backup_offsite_last_success_timestamp": set(),
    "backup_restore_verify_last_timestamp": set(),
    "backup_restore_verify_success": set(),
    "backup_restore_verify_duration_seconds": set(),
    "backup_metrics_generated_timestamp": set(),
}
"""What rules and dashboards of the platform asked for before there was this package."""


@pytest.fixture(name="facts")
def _facts(good: Machine) -> Facts:
    """Return facts in which everything has a value."""
    now = good.clock.at
    facts = read_facts(good.site)
    return replace(
        facts,
        databases=(DatabaseDump("alt", now - timedelta(hours=2), 100),),
        chains={name: replace(chain, head="f" * 64) for name, chain in facts.chains.items()},
        read_data_at=now,
        self_test=SelfTestResult(
            checked_at=now,
            controls=(ControlResult(engine="files", proven=True),),
            faults=(
                FaultResult(fault="row_dropped", detected=True, message="said"),
                FaultResult(fault="wrong_key", detected=False, message="green"),
                FaultResult(fault="stream_shortened", detected=None, message="no Redis"),
            ),
        ),
        signal_path=SignalPathResult(
            verdict="CRITICAL",
            paths=(
                PathResult(path="metric", seen="arrived", detail="it is there"),
                PathResult(path="ping", seen="missing", detail="it is not"),
            ),
            asked=None,
            newest=Nonce(number=4711, run=uuid4(), sent_at=now),
        ),
    )


def test_every_name_that_was_ever_asked_for_has_a_value(facts: Facts) -> None:
    """With exactly the labels it always had."""
    labels = {
        family.name: {frozenset(sample.labels) for sample in family.samples}
        for family in families(facts)
    }
    for name, expected in ALWAYS_QUERIED.items():
        assert labels[name] == {frozenset(expected)}, name


def test_all_of_it_is_text_that_can_be_read_again(facts: Facts) -> None:
    """Every family once, with a help and at least one sample."""
    read = list(text_string_to_metric_families(exposition(facts).decode()))
    assert [family.name for family in read] == [family.name for family in families(facts)]
    assert len({family.name for family in read}) == len(read)
    assert all(family.documentation and family.samples for family in read)
    assert {family.type for family in read} == {"gauge"}


def test_every_rule_asks_for_metrics_that_there_are(facts: Facts) -> None:
    """A misspelt name would be silence for ever."""
    names = {family.name for family in families(facts)}
    for rule in rules(Expected()):
        asked = set(text_of(rule.expression))
        assert asked, rule.uid
        assert asked <= names, rule.uid


def text_of(expression: str) -> list[str]:
    """Return the metrics an expression names."""
    words = "".join(c if c.isalnum() or c == "_" else " " for c in expression).split()
    return [word for word in words if word.startswith("backup_")]


def test_each_kind_of_success_is_of_what_really_ran(good: Machine, facts: Facts) -> None:
    """A newer snapshot of one volume moves restic on, and full not."""
    first = good.clock.at - timedelta(hours=1)
    good.clock.advance(hours=4)
    good.snapshot(TOKENS)
    now = good.clock.at
    later = replace(read_facts(good.site), databases=facts.databases)
    assert samples(later, "backup_last_success_timestamp") == {
        ("full",): first.timestamp(),
        ("postgres",): (first - timedelta(hours=1)).timestamp(),
        ("restic",): now.timestamp(),
    }
    assert samples(later, "backup_age_hours") == {("full",): 5, ("postgres",): 6, ("restic",): 0}


def test_one_volume_without_a_snapshot_is_no_full_backup(machine: Machine) -> None:
    """Nor is one database without a dump a success of PostgreSQL."""
    machine.local.init()
    machine.snapshot(DB)
    facts = replace(
        read_facts(machine.site),
        databases=(
            DatabaseDump("alt", machine.clock.at, 1),
            DatabaseDump("new", None, None),
        ),
    )
    assert set(samples(facts, "backup_last_success_timestamp")) == {("restic",)}
    assert set(samples(facts, "backup_postgres_last_success_timestamp")) == {("alt",)}
    assert set(samples(facts, "backup_volume_recovery_point_timestamp")) == {(DB,)}
    assert set(samples(facts, "backup_volume_rpo_seconds")) == {
        (name, level) for name in (DB, TOKENS) for level in ("warn", "fail")
    }


def test_a_repository_that_does_not_open_leaves_nothing_fresh(good: Machine) -> None:
    """Every number that came from it is absent, and the one that says so is 0."""
    good.local.faults = {"snapshots": Fault(WrongPassword("it does not open"))}
    facts = read_facts(good.site)
    assert value(facts, "backup_repository_initialized") == 0
    assert value(facts, "backup_status_verdict") == 2
    for name in (
        "backup_last_success_timestamp",
        "backup_age_hours",
        "backup_restic_snapshot_count",
        "backup_restic_oldest_snapshot_timestamp",
        "backup_total_size_bytes",
        "backup_volume_recovery_point_timestamp",
        "backup_volume_recovery_point_age_seconds",
        "backup_volume_proven_timestamp",
        "backup_drift_volumes",
        "backup_drifted_volumes",
    ):
        assert samples(facts, name) == {}, name
    assert value(facts, "backup_offsite_reachable") == 1


def test_an_offsite_repository_that_does_not_open_leaves_nothing_fresh(good: Machine) -> None:
    """The local one's numbers stay."""
    good.offsite.faults = {"snapshots": Fault(RepositoryError("no"))}
    facts = read_facts(good.site)
    assert value(facts, "backup_offsite_reachable") == 0
    assert value(facts, "backup_offsite_snapshot_count") is None
    assert value(facts, "backup_offsite_last_success_timestamp") is None
    assert value(facts, "backup_restic_snapshot_count") == 2


def test_without_an_offsite_repository_its_metrics_are_not_there(facts: Facts) -> None:
    """Neither reachable nor unreachable."""
    names = {family.name for family in families(replace(facts, has_offsite=False, offsite=None))}
    assert not {name for name in names if name.startswith("backup_offsite_")}


def test_a_drill_is_shown_with_its_phases(good: Machine, facts: Facts) -> None:
    """Each phase of the newest drill of each volume, and all of them together."""
    assert value(facts, "backup_restore_verify_success") == 1
    assert samples(facts, "backup_restore_drill_success") == {(DB,): 1, (TOKENS,): 1}
    phases = samples(facts, "backup_restore_drill_phase_seconds")
    chain = facts.chains[DB]
    assert chain.drills
    assert {phase for volume, phase in phases if volume == DB} == set(chain.drills[-1].phases)
    total = value(facts, "backup_restore_verify_duration_seconds")
    assert total == pytest.approx(sum(phases.values()), abs=0.01)
    assert (
        value(facts, "backup_restore_verify_last_timestamp")
        == (good.clock.at - timedelta(hours=1)).timestamp()
    )


def test_a_failed_drill_is_0_and_does_not_renew_the_proof(good: Machine) -> None:
    """The proof before it keeps its time."""
    before = value(read_facts(good.site), "backup_restore_verify_last_timestamp")
    snapshot = good.local.snapshots(tag=DB)[-1]
    good.local.damage_file(snapshot.id, "data.bin", b"other bytes")
    good.clock.advance(hours=5)
    good.drill(DB)
    facts = read_facts(good.site)
    assert value(facts, "backup_restore_verify_success") == 0
    assert samples(facts, "backup_restore_drill_success") == {(DB,): 0, (TOKENS,): 1}
    assert value(facts, "backup_restore_verify_last_timestamp") == before


def test_nothing_drilled_is_neither_success_nor_failure(machine: Machine) -> None:
    """And a volume that was never proven leaves no time."""
    machine.back_up()
    nothing = read_facts(machine.site)
    machine.drill(DB)
    one = read_facts(machine.site)
    assert value(nothing, "backup_restore_verify_success") is None
    assert value(nothing, "backup_restore_verify_duration_seconds") is None
    assert value(one, "backup_restore_verify_success") == 1
    assert value(one, "backup_restore_verify_last_timestamp") is None


def test_a_chain_that_cannot_be_believed_is_no_success(facts: Facts) -> None:
    """It is 0 itself, has no length, and takes the success of the others with it."""
    broken = replace(facts, chains={**facts.chains, DB: Chain(None)})
    assert samples(broken, "backup_ledger_sound") == {(DB,): 0, (TOKENS,): 1}
    assert samples(broken, "backup_ledger_entries") == {(TOKENS,): 1}
    assert value(broken, "backup_restore_verify_success") is None
    nothing = replace(facts, chains={})
    assert samples(nothing, "backup_ledger_sound") == {(DB,): 0, (TOKENS,): 0}


def test_a_head_is_a_number_a_float_holds(facts: Facts) -> None:
    """Heads that differ in these digits differ as numbers."""
    heads = samples(facts, "backup_ledger_head")
    assert heads[DB,] == 0xFFFFFFFFFFFF
    other = replace(facts, chains={DB: Chain((), head="f" * 11 + "e" + "0" * 52)})
    assert samples(other, "backup_ledger_head") == {(DB,): 0xFFFFFFFFFFFE}


def test_volumes_and_posture_are_those_of_the_status(good: Machine, facts: Facts) -> None:
    """Verdicts as their exit codes, 3-2-1-1-0 as it is counted."""
    assert samples(facts, "backup_volume_verdict") == {(DB,): 0, (TOKENS,): 0}
    assert samples(facts, "backup_volume_recovery_point_age_seconds") == {
        (DB,): 3600,
        (TOKENS,): 3600,
    }
    posture = ("copies", "media", "offsite", "undeletable", "unproven")
    assert [value(facts, f"backup_posture_{name}") for name in posture] == [3, 2, 1, 0, 0]
    good.clock.advance(hours=26)
    late = read_facts(good.site)
    assert samples(late, "backup_volume_verdict") == {(DB,): 1, (TOKENS,): 1}


def test_drift_is_counted_by_state(facts: Facts) -> None:
    """And what somebody has to look at is counted apart."""
    assert samples(facts, "backup_drift_volumes") == {("planned",): 2, ("excluded",): 1}
    assert value(facts, "backup_drifted_volumes") == 0


def test_a_damaged_repository_shows(good: Machine) -> None:
    """The check that found it is 0; without a check there is neither."""
    good.local.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError):
        check(good.site)
    facts = read_facts(good.site)
    assert value(facts, "backup_repository_check_success") == 0
    assert value(facts, "backup_checksums_ok") == 0
    unchecked = replace(facts, check=None)
    assert value(unchecked, "backup_repository_check_success") is None
    assert value(unchecked, "backup_repository_check_last_timestamp") is None


def test_the_watchers_are_watched(facts: Facts) -> None:
    """Each planted fault and each way of a signal; without a test there is nothing."""
    assert samples(facts, "backup_verifier_detects") == {("row_dropped",): 1, ("wrong_key",): 0}
    assert samples(facts, "backup_signal_path_arrived") == {("metric",): 1, ("ping",): 0}
    assert value(facts, "backup_signal_path_nonce") == 4711
    silent = replace(facts, self_test=None, signal_path=None, read_data_at=None)
    for name in (
        "backup_verifier_detects",
        "backup_self_test_last_timestamp",
        "backup_signal_path_nonce",
        "backup_signal_path_arrived",
        "backup_read_data_cycle_completed_timestamp",
    ):
        assert samples(silent, name) == {}, name


def test_the_disk_is_what_is_free_to_us(facts: Facts) -> None:
    """The share is of what is not free, whatever root keeps for itself."""
    disk = replace(facts.disk, total_bytes=200, used_bytes=90, free_bytes=100)
    shown = replace(facts, disk=disk)
    names = ("total_bytes", "used_bytes", "available_bytes", "usage_percent")
    assert [value(shown, f"backup_disk_{name}") for name in names] == [200, 90, 100, 50]
