"""The rules about proofs: drills, the repository, the ledger, the verifier's own test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from alt_backup_assets.config.intervals import longest_interval
from alt_backup_assets.signals.rule import (
    PATIENT,
    QUICK,
    SLACK_OF_WEEKLY,
    Expected,
    Rule,
    missing,
    not_since,
    said,
)
from alt_backup_assets.status.verifier import oldest_test


def drills(expected: Expected) -> Iterator[Rule]:
    """Return the rules about restore drills."""
    limit = longest_interval(expected.schedules.weekly_drill) + SLACK_OF_WEEKLY
    yield Rule(
        uid="backup-restore-verify-stale",
        severity="warning",
        expression=missing("backup_restore_verify_last_timestamp", limit),
        hold=PATIENT,
        summary="Restoring was not proven for long",
        description=(
            f"The newest proof of some volume is older than {said(limit)}, or it has none."
            " `alt-backup status` shows which; run `alt-backup drill` for it."
        ),
    )
    yield Rule(
        uid="backup-restore-verify-failed",
        severity="critical",
        expression="backup_restore_drill_success == 0",
        hold=timedelta(0),
        summary="A backup could not be restored as it was",
        description=(
            "The newest drill of {{ .Labels.volume }} failed. `alt-backup status` says what"
            " differed. Run `alt-backup backup --include {{ .Labels.volume }}`, then `alt-backup"
            " drill {{ .Labels.volume }}`; until that proves it, trust only the proven snapshot."
        ),
    )


def repository(expected: Expected) -> Iterator[Rule]:
    """Return the rules about the local repository and the dumps beside it."""
    yield Rule(
        uid="backup-not-initialized",
        severity="critical",
        expression="backup_repository_initialized == 0",
        hold=QUICK,
        summary="The local repository cannot be opened",
        description=(
            "There is none, or it does not open with its password; no snapshot can be taken or"
            " restored. `alt-backup status` says why. A new repository in its place would hide"
            " the loss of the old one: look for that first, and at the offsite copies."
        ),
    )
    yield Rule(
        uid="backup-checksum-wrong",
        severity="critical",
        expression="backup_checksums_ok == 0 or backup_repository_check_success == 0",
        hold=QUICK,
        summary="A dump or the repository is damaged",
        description=(
            "A dump on the disk is not what was written, or the newest check of the repository"
            " found damage. `alt-backup status` names it; `alt-backup check` looks again."
        ),
    )
    daily = longest_interval(expected.schedules.daily)
    limit = expected.read_data_parts * daily + SLACK_OF_WEEKLY
    yield Rule(
        uid="backup-read-data-stale",
        severity="warning",
        expression=not_since("backup_read_data_cycle_completed_timestamp", limit),
        hold=PATIENT,
        summary="Not all of the repository's data was read",
        description=(
            f"A round of reading all of it should have ended within {said(limit)}. Parts whose"
            " day's run failed are missing: see the runs of daily_backup, or run `alt-backup check`"
            " until the round is done."
        ),
    )


def watchers(expected: Expected) -> Iterator[Rule]:
    """Return the rules about what all other proofs rely on."""
    yield Rule(
        uid="backup-ledger-cut",
        severity="critical",
        expression=(
            "backup_ledger_sound == 0"
            " or backup_ledger_entries < max_over_time(backup_ledger_entries[30d])"
            " or changes(backup_ledger_head[1d]) > changes(backup_ledger_entries[1d])"
        ),
        hold=timedelta(0),
        summary="The ledger of proofs was cut or changed",
        description=(
            "The chain of {{ .Labels.volume }} cannot be believed, became shorter, or was written"
            " anew. Find out who or what did that, and bring the ledger back from the newest"
            " snapshot with the tag `ledger`; until then its proofs count for nothing."
        ),
    )
    limit = oldest_test(expected.schedules)
    yield Rule(
        uid="backup-self-test-failed",
        severity="critical",
        expression="backup_self_test_success == 0",
        hold=timedelta(0),
        summary="The verifier failed its own test",
        description=(
            "A planted fault was not found (backup_verifier_detects names it), or a copy without"
            " any was not proven, so that a drill's verdict means less than it says. Run"
            " `alt-backup self-test`, and do not rely on newer proofs."
        ),
    )
    yield Rule(
        uid="backup-self-test-stale",
        severity="warning",
        expression=not_since("backup_self_test_last_timestamp", limit),
        hold=PATIENT,
        summary="The verifier has not tested itself for long",
        description=(
            f"Its last test is older than {said(limit)}, or there was none. See the newest run of"
            " self_test, then run `alt-backup self-test`."
        ),
    )
