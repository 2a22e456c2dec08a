"""A scripted restic: stands in for ``process.run`` and gives its answers in order.

For the client's own tests; stages are tested on ``tests.fakes.restic``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.tools.process import Completed
from alt_backup_assets.tools.restic import Restic

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
LOCK = "1" * 64
PASSWORD = "correct horse battery staple"
VERSION = Completed(0, b'{"message_type":"version","version":"0.18.0"}', "")
OK = Completed(0, b"", "")
LOCKED = Completed(11, b"", "repository is already locked by PID 99 on there by root")

Client = Callable[..., Restic]
"""Makes a client that runs a script; ``gone`` names a host that is, ``url`` another place."""


def listing(*ids: str, paths: tuple[str, ...] = ("/v",)) -> Completed:
    """Answer a listing of these snapshots."""
    snapshots = [
        {"id": i, "time": NOON.isoformat(), "hostname": "alt", "paths": paths} for i in ids
    ]
    return Completed(0, json.dumps(snapshots).encode(), "")


def summary(**fields: object) -> Completed:
    """Answer a summary."""
    return Completed(0, json.dumps({"message_type": "summary", **fields}).encode(), "")


def lock(hostname: str, pid: int) -> Completed:
    """Answer one lock, made just now."""
    made_at = datetime.now(UTC).isoformat()
    fields = {"time": made_at, "hostname": hostname, "username": "root", "pid": pid}
    return Completed(0, json.dumps(fields).encode(), "")


class Script:
    """Stands in for ``process.run``: gives its answers in order and records what was asked."""

    def __init__(self, *answers: Completed | AltBackupError) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[tuple[str, ...], Mapping[str, str], float]] = []

    def __call__(
        self, argv: Sequence[str], *, timeout_seconds: float, env: Mapping[str, str] | None
    ) -> Completed:
        """Give the next answer."""
        self.calls.append((tuple(argv), env or {}, timeout_seconds))
        answer = self.answers.pop(0)
        if isinstance(answer, AltBackupError):
            raise answer
        return answer

    @property
    def verbs(self) -> list[str]:
        """The restic commands that were run, in order."""
        known = {
            *("backup", "cat", "check", "copy", "forget", "init", "list", "prune", "restore"),
            *("snapshots", "stats", "unlock", "version"),
        }
        return [next(word for word in argv if word in known) for argv, _, _ in self.calls]
