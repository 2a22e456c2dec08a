"""restic's answers as values; what cannot be understood is an error, never an empty answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from alt_backup_assets.errors import RepositoryError
from alt_backup_assets.tools.restic import values

ID = "d7c4843a8c185997dfa98b159d2a31c17411a29db3d54a13ed17730a0a9c9eed"
ORIGINAL = "ae033d575ef5818f333c3a8be4bac01e8ec6badca80ece4d163127c24b08cf3c"
LISTED: dict[str, object] = {
    "time": "2026-11-20T12:04:05.050686369+09:00",
    "tree": "dd4a",
    "paths": ["/state/staging/db_data_17"],
    "hostname": "alt",
    "username": "root",
    "tags": ["scheduled", "20261120"],
    "program_version": "restic 0.18.0",
    "summary": {"total_bytes_processed": 3000006, "files_new": 2},
    "id": ID,
    "short_id": "d7c4843a",
}


def _listing(**changes: object) -> bytes:
    return json.dumps([LISTED | changes]).encode()


def test_a_listed_snapshot_is_read() -> None:
    """Time in UTC, host, tags, size, and fields nobody needs are passed over."""
    (snapshot,) = values.snapshots(_listing())
    assert snapshot.id == ID
    assert snapshot.short == "d7c4843a"
    assert snapshot.time == datetime(2026, 11, 20, 3, 4, 5, 50686, tzinfo=UTC)
    assert snapshot.time.tzinfo is UTC
    assert snapshot.host == "alt"
    assert snapshot.tags == ("scheduled", "20261120")
    assert snapshot.total_bytes == 3000006
    assert snapshot.lineage == ID


def test_a_copy_has_the_lineage_of_its_original() -> None:
    """What a copy is a copy of is what it shares with it."""
    (snapshot,) = values.snapshots(_listing(original=ORIGINAL))
    assert snapshot.lineage == ORIGINAL


def test_what_older_snapshots_lack_is_not_made_up() -> None:
    """No tags are no tags, and a size nobody recorded is None, not 0."""
    (snapshot,) = values.snapshots(_listing(tags=None, summary=None))
    assert snapshot.tags == ()
    assert snapshot.total_bytes is None


@pytest.mark.parametrize("output", [b"[]", b"null"])
def test_an_empty_listing_is_empty(output: bytes) -> None:
    """Both ways restic writes it."""
    assert values.snapshots(output) == ()


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"[",
        _listing()[:-20],
        b"{}",
        _listing(id="d7c4843a"),
        _listing(time="2026-11-20T12:04:05"),
        _listing(time="yesterday"),
        _listing(paths=None),
    ],
)
def test_a_listing_that_cannot_be_understood_is_an_error(output: bytes) -> None:
    """Empty, cut, without a full id or a zone: never an empty repository."""
    with pytest.raises(RepositoryError, match="cannot be understood"):
        values.snapshots(output)


def test_a_plan_unites_its_groups() -> None:
    """What is kept and removed is collected over all hosts and paths; null is nothing."""
    groups = [
        {"keep": [LISTED], "remove": None},
        {"keep": None, "remove": [LISTED | {"id": ORIGINAL}]},
    ]
    planned = values.plan(json.dumps(groups).encode())
    assert [snapshot.id for snapshot in planned.keep] == [ID]
    assert [snapshot.id for snapshot in planned.remove] == [ORIGINAL]


@pytest.mark.parametrize("output", [b"", b"[{", b'[{"keep": 3}]'])
def test_a_plan_that_cannot_be_understood_is_an_error(output: bytes) -> None:
    """A plan nobody understands removes nothing."""
    with pytest.raises(RepositoryError, match="forget"):
        values.plan(output)


def test_a_summary_is_found_among_other_lines() -> None:
    """Progress and text for people are passed over."""
    said = b'{"message_type":"summary","num_errors":2}'
    output = b'scanning\n{"message_type":"status"}\n' + said + b"\n"
    assert values.require_summary(output, values.CheckSummary, "check").num_errors == 2


@pytest.mark.parametrize("output", [b"", b"text\n", b'{"message_type":"status"}\n'])
def test_no_summary_is_an_error_where_one_is_needed(output: bytes) -> None:
    """Nobody knows what was done."""
    assert values.summary(output, values.BackupSummary, "backup") is None
    with pytest.raises(RepositoryError, match="without its summary"):
        values.require_summary(output, values.BackupSummary, "backup")


@pytest.mark.parametrize(
    "output", [b'{"message_type":"summary","snapsh', b'{"message_type":"summary"}']
)
def test_half_a_summary_is_an_error(output: bytes) -> None:
    """Cut JSON, or JSON without what matters, is not understood."""
    with pytest.raises(RepositoryError, match="cannot be understood"):
        values.summary(output, values.BackupSummary, "backup")


@pytest.mark.parametrize(
    ("line", "complete"),
    [
        (b'{"message_type":"summary"}', True),
        (b'{"message_type":"summary","total_files":3,"files_restored":3}', True),
        (b'{"message_type":"summary","total_files":3,"files_restored":2}', False),
        (b'{"message_type":"summary","total_files":3}', False),
        (b'{"message_type":"summary","total_bytes":9,"bytes_restored":8}', False),
    ],
)
def test_a_restore_is_complete_when_all_came_back(line: bytes, complete: bool) -> None:
    """Restic leaves out what is zero; files and bytes both count."""
    summary = values.require_summary(line, values.RestoreSummary, "restore")
    assert summary.is_complete is complete
