"""restic's exit codes walked one by one, and its errors in words."""

from __future__ import annotations

import json

import pytest

from alt_backup_assets.errors import (
    RepositoryError,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
    SnapshotIncomplete,
    WrongPassword,
)
from alt_backup_assets.tools.process import Completed
from alt_backup_assets.tools.restic.outcome import EXIT_CODES, failure, words

SNAPSHOT = "d7c4843a8c185997dfa98b159d2a31c17411a29db3d54a13ed17730a0a9c9eed"
UNABLE = (
    '{"message_type":"exit_error","code":1,"message":"Fatal: unable to open repository at'
    ' sftp:host:/x: unable to start the sftp session, error: unexpected EOF"}'
)


def _failure(code: int, stderr: str = "", stdout: bytes = b"") -> RepositoryError | None:
    return failure("check", "/srv/repo", Completed(code, stdout, stderr))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, RepositoryError),
        (3, SnapshotIncomplete),
        (10, RepositoryMissing),
        (11, RepositoryLocked),
        (12, WrongPassword),
        (130, RepositoryError),
    ],
)
def test_each_documented_exit_code_has_its_error(code: int, kind: type[RepositoryError]) -> None:
    """The table is complete, and the message names place, command, code and words."""
    error = _failure(code, "something broke")
    assert type(error) is kind
    assert EXIT_CODES.keys() == {1, 3, 10, 11, 12, 130}
    for part in ("/srv/repo", "restic check", f"exit code {code}", "something broke"):
        assert part in str(error)


@pytest.mark.parametrize("code", [2, 4, 13, 127, 255, -9, -15])
def test_an_unknown_exit_code_is_a_failure(code: int) -> None:
    """New codes, and deaths by signal, are never success."""
    error = _failure(code)
    assert type(error) is RepositoryError
    assert "unknown way" in str(error)
    assert "it said nothing" in str(error)


def test_only_zero_is_success() -> None:
    """Even warnings do not turn a 0 into a failure."""
    assert _failure(0, "warning: slow") is None


@pytest.mark.parametrize(
    ("stderr", "remedy"),
    [
        ("ssh: connect to host h port 1: Connection refused", "name and port"),
        ("ssh: connect to host h port 1: Connection timed out", "name and port"),
        ("ssh: Could not resolve hostname h: Name or service not known", "name and port"),
        ("subprocess ssh: ssh: connect to host h port 22: No route to host", "name and port"),
        ('Head "http://h/config": dial tcp 127.0.0.1:1: connect: connection refused', "host is up"),
        (UNABLE, "name and port"),
        ("subprocess ssh: root@h: Permission denied (publickey).", "authorise the public half"),
        ("Host key verification failed.", "`sftp.known_hosts_file`"),
        (f"Host key verification failed.\n{UNABLE}", "`sftp.known_hosts_file`"),
        ('Load key "/k": bad permissions\nh: Permission denied (publickey).', "chmod 600"),
    ],
)
def test_exit_code_1_with_a_connections_words_is_unreachable(stderr: str, remedy: str) -> None:
    """The code does not tell; the words do, and each has its remedy."""
    error = _failure(1, stderr)
    assert isinstance(error, RepositoryUnreachable)
    assert remedy in str(error)


@pytest.mark.parametrize(
    "said", ["write r/data/65/65-tmp: no space left on device", "Disk quota exceeded"]
)
def test_a_full_disk_says_what_to_do(said: str) -> None:
    """It is no host that may answer a moment later."""
    error = _failure(1, said)
    assert type(error) is RepositoryError
    assert f"{said}; that disk is full: make room on it" in str(error)


@pytest.mark.parametrize(
    "stderr",
    ["open /srv/repo/config: permission denied", "Fatal: repository contains errors", "", "{"],
)
def test_exit_code_1_with_other_words_is_not_unreachable(stderr: str) -> None:
    """A local file that cannot be read, or damage, is nothing that trying again would mend."""
    assert type(_failure(1, stderr)) is RepositoryError


def test_the_words_of_a_connection_do_not_hide_another_code() -> None:
    """What restic has a code for is told by the code."""
    assert type(_failure(12, "Connection refused, once, and then answered")) is WrongPassword


def test_an_incomplete_snapshot_is_named() -> None:
    """What was saved is kept, so the message has its id and the file that was left out."""
    stdout = json.dumps({"message_type": "summary", "snapshot_id": SNAPSHOT}).encode()
    stderr = (
        '{"message_type":"error","error":{"message":"read: input/output error"},'
        '"during":"archival","item":"/v/torn"}'
    )
    message = str(_failure(3, stderr, stdout))
    assert SNAPSHOT in message
    assert "/v/torn: read: input/output error" in message


@pytest.mark.parametrize("stdout", [b"", b'{"message_type": "summ', b"{}"])
def test_an_incomplete_snapshot_without_a_summary_is_still_incomplete(stdout: bytes) -> None:
    """A cut answer does not hide the failure, and no id is made up."""
    error = _failure(3, "", stdout)
    assert type(error) is SnapshotIncomplete
    assert "nothing is known" in str(error)


def test_json_errors_become_sentences() -> None:
    """No braces, stack traces, repetitions, empty lines, or "Fatal:"."""
    stderr = r"""Ignoring x
{"message_type":"error","message":"\nThe repository is damaged.\n\n"}
{"message_type":"exit_error","message":"Fatal: not found\ngithub.com/x\n\tx.go:2\nruntime.go"}
{"message_type":"exit_error","code":1,"message":"Fatal: not found"}
"""
    assert words(stderr) == "Ignoring x\nThe repository is damaged.\nnot found"


@pytest.mark.parametrize("line", ["{not json", '{"message": 3}', "{}"])
def test_a_strange_line_is_shown_as_it_is(line: str) -> None:
    """What cannot be understood is still what restic said."""
    assert words(line) == line
