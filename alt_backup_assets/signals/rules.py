"""What must ring, as values: the one source of the rules for Prometheus and for Grafana.

Thresholds follow from the schedules and from the objectives in the metrics. An expression has a
sample where something is wrong, whatever its value, and none where all is well; absence is asked
for and never left to "no data". Labels are spelled ``.Labels``, since Grafana replaces what
begins with a dollar sign. Add a rule with a series in ``tests/integration/alert_cases.py`` in
which it fires, and one in which it is silent. Keep out: the formats, which ``render`` writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from alt_backup_assets.config.intervals import longest_interval
from alt_backup_assets.signals import proof_rules
from alt_backup_assets.signals.rule import (
    GENERATED,
    OPEN,
    PATIENT,
    QUICK,
    SLACK,
    Expected,
    Rule,
    missing,
    said,
    seconds,
)
from alt_backup_assets.status.copies import oldest_copy


def rules(expected: Expected) -> tuple[Rule, ...]:
    """Return all rules, those of dead signals first."""
    return (
        *_signals(expected),
        *_newest(expected),
        *_recovery_points(),
        *_room(),
        *(_offsite(expected) if expected.offsite else ()),
        *proof_rules.drills(expected),
        *proof_rules.repository(expected),
        *proof_rules.watchers(expected),
    )


def _signals(expected: Expected) -> Iterator[Rule]:
    limit = longest_interval(expected.schedules.metrics) + SLACK
    selectors = [f'{{platform="{name}"}}' for name in expected.platforms] or [""]
    absent = " or ".join(f"absent({GENERATED}{selector})" for selector in selectors)
    yield Rule(
        uid="backup-signal-missing",
        severity="critical",
        expression=f"{absent} or time() - {GENERATED} > {seconds(limit)}",
        hold=QUICK,
        summary="No metrics of the backups arrive",
        description=(
            f"There are none, or none that are newer than {said(limit)}: whether backups are"
            " alive is not known. Run `alt-backup status` on the machine; then see whether"
            " `alt-backup metrics --serve`, or the job status_checks that writes the textfile,"
            " is running, and whether Prometheus' page of targets shows it."
        ),
    )
    yield Rule(
        uid="backup-signal-path",
        severity="critical",
        expression="backup_signal_path_arrived == 0",
        hold=QUICK,
        summary="A signal that was sent did not arrive",
        description=(
            "The number sent by the way `{{ .Labels.path }}` was not seen at its other end. Until"
            " that is repaired, silence on this way means nothing: look at the address of"
            " Prometheus or of the ping service under `signals` in the configuration."
        ),
    )


def _newest(expected: Expected) -> Iterator[Rule]:
    schedules = expected.schedules
    snapshots = schedules.hourly if _hourly_snapshots(expected) else schedules.daily
    limit = longest_interval(snapshots) + SLACK
    yield Rule(
        uid="backup-missing-restic",
        severity="critical",
        expression=missing('backup_last_success_timestamp{type="restic"}', limit)
        + " unless on (job, instance) (backup_repository_initialized == 0)",
        hold=QUICK,
        summary="No new snapshot was taken",
        description=(
            f"The newest snapshot of any volume is older than {said(limit)}, or there is none."
            " See why the newest run of daily_backup failed or did not start, then run"
            " `alt-backup backup`."
        ),
    )
    if not expected.databases:
        return
    limit = longest_interval(schedules.hourly) + SLACK
    yield Rule(
        uid="backup-missing-postgres",
        severity="critical",
        expression=missing('backup_last_success_timestamp{type="postgres"}', limit),
        hold=QUICK,
        summary="A PostgreSQL database was not dumped",
        description=(
            f"The newest dump of a database is older than {said(limit)}, or it has none:"
            " backup_postgres_last_success_timestamp shows which. Run `alt-backup backup"
            " --profile db`, and see what it says of that database."
        ),
    )


def _recovery_points() -> Iterator[Rule]:
    age = "time() - backup_volume_recovery_point_timestamp"
    yield Rule(
        uid="backup-recovery-point-warn",
        severity="warning",
        expression=f'{age} > ignoring (level) backup_volume_rpo_seconds{{level="warn"}}',
        hold=QUICK,
        summary="A volume's newest data is older than it should be",
        description=(
            "The newest snapshot of {{ .Labels.volume }} is over its warning objective. Run"
            " `alt-backup backup --include {{ .Labels.volume }}`, and see what it says."
        ),
    )
    fail = 'backup_volume_rpo_seconds{level="fail"}'
    yield Rule(
        uid="backup-recovery-point-fail",
        severity="critical",
        expression=(
            f"{age} > ignoring (level) {fail}"
            f" or ({fail} unless ignoring (level) backup_volume_recovery_point_timestamp)"
            f" and {OPEN}"
        ),
        hold=QUICK,
        summary="A volume has no recent backup",
        description=(
            "The newest snapshot of {{ .Labels.volume }} is over its objective, or it has none:"
            " a loss now would lose more than was agreed. Run `alt-backup backup --include"
            " {{ .Labels.volume }}`, and do not rest before it is in."
        ),
    )
    yield Rule(
        uid="backup-drift",
        severity="warning",
        expression=(
            f"backup_drifted_volumes > 0 or ({GENERATED}"
            f" unless on (job, instance) backup_drifted_volumes) and {OPEN}"
        ),
        hold=PATIENT,
        summary="Registry and platform do not agree",
        description=(
            "A volume is not planned, not mounted or not there, or that could not be judged. `alt-"
            "backup drift` names it; `alt-backup config propose` writes the missing entries."
        ),
    )


def _room() -> Iterator[Rule]:
    share = "backup_disk_available_bytes / backup_disk_total_bytes"
    for name, percent, severity in (("low", 20, "warning"), ("critical", 10, "critical")):
        yield Rule(
            uid=f"backup-disk-space-{name}",
            severity="warning" if severity == "warning" else "critical",
            expression=f"{share} < {percent / 100:.2f}",
            hold=QUICK,
            summary=f"Less than {percent} % of the backups' disk is free",
            description=(
                "The next dumps may not fit. Make room on the file system of the repository and"
                " the state directory; `alt-backup retention --dry-run` shows what would go."
            ),
        )


def _offsite(expected: Expected) -> Iterator[Rule]:
    limit = oldest_copy(expected.schedules)
    yield Rule(
        uid="backup-offsite-stale",
        severity="warning",
        expression=missing("backup_offsite_last_success_timestamp", limit)
        + " unless on (job, instance) (backup_offsite_reachable == 0)",
        hold=PATIENT,
        summary="The offsite copies are old",
        description=(
            f"The newest copy of some volume holds data older than {said(limit)}, or there is no"
            " copy of it. `alt-backup status` shows which; run `alt-backup offsite`."
        ),
    )
    yield Rule(
        uid="backup-offsite-unreachable",
        severity="critical",
        expression="backup_offsite_reachable == 0",
        hold=PATIENT,
        summary="The offsite repository cannot be opened",
        description=(
            "Nothing can be copied there, nor restored from there. `alt-backup status` says why:"
            " a host that does not answer, a key that is refused, a password that does not fit."
        ),
    )


def _hourly_snapshots(expected: Expected) -> bool:
    return expected.databases and expected.schedules.hourly_snapshots
