"""Series in which each alert rule fires, and series in which it stays silent.

A case changes a world in which all is well; None takes a series out. Times count from the
promtool clock's start, and every series lasts until ``END``. Keep out: running promtool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR = 3600
DAY = 24 * HOUR
END = 90 * 60

PLACE = {"job": "alt-backup", "instance": "host:9189"}
DATA = {**PLACE, "volume": "db_data"}

Value = float | str | None
World = Mapping[str, Value]


def of(name: str, **labels: str) -> str:
    """Return a series as promtool's files have it."""
    inside = ",".join(f'{key}="{value}"' for key, value in {**PLACE, **labels}.items())
    return f"{name}{{{inside}}}"


def _points(warn: float, fail: float, at: float | None) -> dict[str, Value]:
    return {
        of("backup_volume_rpo_seconds", volume="db_data", level="warn"): warn,
        of("backup_volume_rpo_seconds", volume="db_data", level="fail"): fail,
        of("backup_volume_recovery_point_timestamp", volume="db_data"): at,
    }


GENERATED = of("backup_metrics_generated_timestamp")
RESTIC = of("backup_last_success_timestamp", type="restic")
POSTGRES = of("backup_last_success_timestamp", type="postgres")
POINT = of("backup_volume_recovery_point_timestamp", volume="db_data")
INITIALIZED = of("backup_repository_initialized")
OLDEST = of("backup_restic_oldest_snapshot_timestamp")
DRIFTED = of("backup_drifted_volumes")
FREE = of("backup_disk_available_bytes")
REACHABLE = of("backup_offsite_reachable")
OFFSITE = of("backup_offsite_last_success_timestamp")
VERIFIED = of("backup_restore_verify_last_timestamp")
DRILL = of("backup_restore_drill_success", volume="db_data")
CHECKSUMS = of("backup_checksums_ok")
CHECKED = of("backup_repository_check_success")
READ = of("backup_read_data_cycle_completed_timestamp")
SOUND = of("backup_ledger_sound", volume="db_data")
ENTRIES = of("backup_ledger_entries", volume="db_data")
HEAD = of("backup_ledger_head", volume="db_data")
TESTED = of("backup_self_test_last_timestamp")
TEST = of("backup_self_test_success")
ARRIVED = of("backup_signal_path_arrived", path="ping")

WELL: World = {
    **dict.fromkeys((GENERATED, RESTIC, POSTGRES, OFFSITE, VERIFIED, READ, TESTED), END),
    **_points(25 * HOUR, 50 * HOUR, END),
    **dict.fromkeys((INITIALIZED, REACHABLE, DRILL, CHECKSUMS, CHECKED, SOUND, TEST, ARRIVED), 1),
    OLDEST: END - 90 * DAY,
    DRIFTED: 0,
    FREE: 50,
    of("backup_disk_total_bytes"): 100,
    ENTRIES: 5,
    HEAD: 77,
}
"""Everything is fresh, sound and there."""


@dataclass(frozen=True)
class Case:
    """One world.

    Attributes:
        uid: The rule that is looked at.
        changes: What differs from a world in which all is well.
        labels: Of the alert; None where the rule is to be silent.
    """

    uid: str
    changes: World = field(default_factory=dict)
    labels: Mapping[str, str] | None = None

    @property
    def world(self) -> dict[str, float | str]:
        """The series there are."""
        return {name: v for name, v in {**WELL, **self.changes}.items() if v is not None}


def _old(limit: float) -> float:
    """Return a time that was over a limit all along."""
    return -limit - 60


def _just(limit: float) -> float:
    """Return a time that is still within a limit at the end."""
    return END - limit + 60


FIRING = (
    Case("backup-signal-missing", dict.fromkeys(WELL), {}),
    Case("backup-signal-missing", {GENERATED: _old(3 * HOUR)}, PLACE),
    Case("backup-signal-path", {ARRIVED: 0}, {**PLACE, "path": "ping"}),
    Case("backup-missing-restic", {RESTIC: None}, PLACE),
    Case("backup-missing-restic", {RESTIC: _old(26 * HOUR)}, {**PLACE, "type": "restic"}),
    Case("backup-missing-postgres", {POSTGRES: None}, PLACE),
    Case("backup-missing-postgres", {POSTGRES: _old(3 * HOUR)}, {**PLACE, "type": "postgres"}),
    Case("backup-recovery-point-warn", {POINT: _old(25 * HOUR)}, DATA),
    Case("backup-recovery-point-fail", {POINT: _old(50 * HOUR)}, DATA),
    Case("backup-recovery-point-fail", {POINT: None}, {**DATA, "level": "fail"}),
    Case("backup-drift", {DRIFTED: 1}, PLACE),
    Case("backup-drift", {DRIFTED: None}, PLACE),
    Case("backup-disk-space-low", {FREE: 19.9}, PLACE),
    Case("backup-disk-space-critical", {FREE: 9.9}, PLACE),
    Case("backup-offsite-stale", {OFFSITE: None}, PLACE),
    Case("backup-offsite-stale", {OFFSITE: _old(28 * HOUR)}, PLACE),
    Case("backup-offsite-unreachable", {REACHABLE: 0, OFFSITE: None}, PLACE),
    Case("backup-restore-verify-stale", {VERIFIED: None}, PLACE),
    Case("backup-restore-verify-stale", {VERIFIED: _old(8 * DAY)}, PLACE),
    Case("backup-restore-verify-failed", {DRILL: 0}, DATA),
    Case("backup-not-initialized", {INITIALIZED: 0, RESTIC: None, POINT: None}, PLACE),
    Case("backup-checksum-wrong", {CHECKSUMS: 0}, PLACE),
    Case("backup-checksum-wrong", {CHECKED: 0}, PLACE),
    Case("backup-read-data-stale", {READ: _old(8 * DAY)}, PLACE),
    Case("backup-read-data-stale", {READ: None}, PLACE),
    Case("backup-ledger-cut", {SOUND: 0, ENTRIES: None, HEAD: None}, DATA),
    Case("backup-ledger-cut", {ENTRIES: "5x40 4x60", HEAD: "77x40 66x60"}, DATA),
    Case("backup-ledger-cut", {HEAD: "77x40 66x60"}, DATA),
    Case("backup-self-test-failed", {TEST: 0}, PLACE),
    Case("backup-self-test-stale", {TESTED: _old(8 * DAY)}, PLACE),
    Case("backup-self-test-stale", {TESTED: None}, PLACE),
)

SILENT = (
    Case("backup-signal-missing", {GENERATED: _just(3 * HOUR)}),
    Case("backup-signal-path", {ARRIVED: None}),
    Case("backup-missing-restic", {RESTIC: _just(26 * HOUR)}),
    Case("backup-missing-restic", {INITIALIZED: 0, RESTIC: None}),
    Case("backup-missing-restic", dict.fromkeys(WELL)),
    Case("backup-missing-postgres", {POSTGRES: _just(3 * HOUR)}),
    Case("backup-recovery-point-warn", {POINT: _just(25 * HOUR)}),
    Case("backup-recovery-point-warn", _points(200 * HOUR, 300 * HOUR, _old(100 * HOUR))),
    Case("backup-recovery-point-fail", {POINT: _just(50 * HOUR)}),
    Case("backup-recovery-point-fail", {INITIALIZED: 0, POINT: None}),
    Case("backup-drift", {INITIALIZED: 0, DRIFTED: None}),
    Case("backup-disk-space-low", {FREE: 20}),
    Case("backup-disk-space-critical", {FREE: 10}),
    Case("backup-offsite-stale", {OFFSITE: _just(28 * HOUR)}),
    Case("backup-offsite-stale", {OFFSITE: None, REACHABLE: 0}),
    Case("backup-offsite-unreachable", {REACHABLE: None, OFFSITE: None}),
    Case("backup-restore-verify-stale", {VERIFIED: _just(8 * DAY)}),
    Case("backup-restore-verify-failed", {DRILL: None}),
    Case("backup-not-initialized", {POINT: None}),
    Case("backup-checksum-wrong", {CHECKED: None}),
    Case("backup-read-data-stale", {READ: _just(8 * DAY)}),
    Case("backup-read-data-stale", {READ: None, OLDEST: _just(8 * DAY)}),
    Case("backup-ledger-cut", {ENTRIES: "5x40 6x60", HEAD: "77x40 66x60"}),
    Case("backup-self-test-failed", {TEST: None}),
    Case("backup-self-test-stale", {TESTED: _just(8 * DAY)}),
    Case("backup-self-test-stale", {TESTED: None, OLDEST: _just(8 * DAY)}),
)
