"""How a call of restic ended: its exit codes as a table, and what it said in words.

Source: restic's manual, "Scripting", "Exit codes": new ones will be added, and an unknown one
must be treated as a failure. They do not tell an unreachable host from a damaged repository
(both are 1) or a full disk, nor the two sides of a copy; for the former, its words are looked at.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, ValidationError

from alt_backup_assets.errors import (
    RepositoryError,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
    SnapshotIncomplete,
    WrongPassword,
)
from alt_backup_assets.tools.process import Completed
from alt_backup_assets.tools.restic.values import BackupSummary, summary

INCOMPLETE, MISSING, LOCKED, WRONG_PASSWORD = 3, 10, 11, 12

EXIT_CODES: dict[int, tuple[type[RepositoryError], str]] = {
    1: (RepositoryError, "failed"),
    INCOMPLETE: (SnapshotIncomplete, "could not read every file"),
    MISSING: (RepositoryMissing, "there is no repository"),
    LOCKED: (RepositoryLocked, "the repository is locked"),
    WRONG_PASSWORD: (WrongPassword, "the password file does not open the repository"),
    130: (RepositoryError, "was interrupted"),
}
"""What a documented exit code raises, and how it is worded."""

_UNREACHABLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED"),
        "compare the host's key with the host itself, then put it into `sftp.known_hosts_file`",
    ),
    (
        re.compile(r"bad permissions|UNPROTECTED PRIVATE KEY FILE"),
        "chmod 600 the `sftp.identity_file`; ssh ignores a key that others can read",
    ),
    (
        re.compile(r"Permission denied \([a-z,-]+\)"),
        "the host refused the key: authorise the public half of `sftp.identity_file` there",
    ),
    (
        re.compile(
            r"Connection (refused|timed out|reset|closed)|No route to host|Network is unreachable"
            r"|Could not resolve hostname|unable to start the sftp session|dial tcp"
            r"|connection refused|no such host|i/o timeout|ssh command exited",
        ),
        "check that the host is up and that name and port in `url` and `sftp` are right",
    ),
)

_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MAKE_ROOM = (
    "that disk is full: make room on it and run this again; what the repository holds is whole"
    " (retention needs some room too, for its lock)"
)


def failure(command: str, place: str, completed: Completed) -> RepositoryError | None:
    """Return the error a call ended with, None where it succeeded.

    Args:
        command: restic's command.
        place: The repository, or both of a copy, as messages name it.
        completed: How it ended.
    """
    code = completed.exit_code
    if code == 0:
        return None
    said = words(completed.stderr_tail) or "it said nothing"
    kind, meaning = EXIT_CODES.get(code, (RepositoryError, "failed in an unknown way"))
    remedy = _unreachable(said) if code == 1 else None
    if remedy:
        kind, meaning = RepositoryUnreachable, "cannot be reached"
        said = f"{said}; {remedy}"
    elif _FULL.search(said):
        said = f"{said}; {_MAKE_ROOM}"
    if code == INCOMPLETE:
        meaning = f"{meaning}; {_kept(completed.stdout)}"
    return kind(f"{place}: restic {command}: {meaning} (exit code {code}): {said}")


def words(stderr_tail: str) -> str:
    """Return what restic said, without JSON, stack traces and empty lines.

    With ``--json`` restic writes its errors as objects from 0.18 on, as text before.
    """
    lines = (part for line in stderr_tail.splitlines() for part in _worded(line).splitlines())
    kept = (line.strip() for line in lines if not _is_trace(line))
    return "\n".join(dict.fromkeys(line for line in kept if line))


class _Inner(BaseModel):
    message: str = ""


class _ErrorLine(BaseModel):
    model_config = ConfigDict(extra="ignore")

    message: str = ""
    item: str = ""
    error: _Inner = _Inner()


def _worded(line: str) -> str:
    if not line.startswith("{"):
        return line.removeprefix("subprocess ssh: ")
    try:
        told = _ErrorLine.model_validate_json(line)
    except ValidationError:
        return line  # its words are worth more than their shape
    said = (told.message or told.error.message).removeprefix("Fatal: ")
    return f"{told.item}: {said}" if told.item else said or line


def _is_trace(line: str) -> bool:
    return line.startswith(("\t", "github.com/", "golang.org/", "runtime.", "@@@"))


def _unreachable(said: str) -> str | None:
    return next((remedy for pattern, remedy in _UNREACHABLE if pattern.search(said)), None)


def _kept(stdout: bytes) -> str:
    try:
        found = summary(stdout, BackupSummary, "backup")
    except RepositoryError:
        found = None
    return f"what it could is kept as snapshot {found.snapshot_id}" if found else "nothing is known"
