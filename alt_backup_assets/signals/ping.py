"""The dead man's switch: start, success and failure of a job, told to its own address.

The service alarms by absence: whatever keeps a job from ending well, a dead daemon or a dead
machine included, keeps its success from being told. So nothing here ever raises: a ping that
does not get through is a sentence, it fails no backup, and the alarm it causes is right.
Source: healthchecks.io, "Pinging API". Keep out: when a job starts and ends.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import stamina

from alt_backup_assets.config.signals import Pings
from alt_backup_assets.errors import (
    AltBackupError,
    ConfigurationError,
    ServiceVanished,
    ToolFailed,
    ToolTimeout,
)
from alt_backup_assets.tools.http import HttpService, read_secret

Job = Literal["hourly", "daily", "offsite", "verify"]
Event = Literal["start", "success", "fail", "log"]

_PATHS: dict[Event, str] = {"start": "/start", "success": "", "fail": "/fail", "log": "/log"}

LONGEST_BODY = 90_000
"""Bytes; the service keeps the first 100 kB, and what is told here is the end of a log."""

TIMEOUT_SECONDS = 5.0
_IGNORED = ("OK (not found)", "OK (rate limited)")
"""Answers with status 200 to a ping that changed nothing."""
_FIRST_OF_SERVER = 500
"""From here on the status says that the service itself has trouble."""

_patiently = stamina.RetryingCaller(attempts=3, timeout=30.0, wait_max=4.0)


def ping(pings: Pings, job: Job, event: Event, *, run: UUID, said: str = "") -> str | None:
    """Tell a job's address what happened; nothing where it has none.

    Args:
        pings: Where the addresses are.
        job: Whose address.
        event: ``log`` only leaves a line and changes no state.
        run: Start and end of one run have the same, so that its duration is known.
        said: The log; its end is sent along. It must hold no secret.

    Returns:
        Why it did not get through, without the address; None if it did.
    """
    file = getattr(pings, job)
    if file is None:
        return None
    try:
        service = HttpService(f"ping {job}", address(pings, job), outside=True)
        _patiently(_may_pass, _send, service, _PATHS[event], run, tail(said))
    except AltBackupError as error:
        return f"{event} was not told: {error}"
    return None


def address(pings: Pings, job: Job) -> str:
    """Return the secret address of a job.

    Raises:
        ConfigurationError: Its file cannot be read, or holds no address.
    """
    file = getattr(pings, job)
    found = (read_secret(file, f"signals.pings.{job}") or "").rstrip("/")
    if not found.startswith(("http://", "https://")) or any(sign in found for sign in " ?#"):
        raise ConfigurationError(
            f"signals.pings.{job}: {file} must hold an address such as https://hc-ping.com/<uuid>"
        )
    return found


def tail(text: str) -> str:
    """Return the end of a text, in whole lines, as far as the service keeps it."""
    kept = text.encode()[-LONGEST_BODY:]
    if len(kept) < len(text.encode()):
        kept = kept.partition(b"\n")[2] or kept
    return kept.decode(errors="replace")


def _send(service: HttpService, path: str, run: UUID, body: str) -> None:
    said = service.text(
        "POST",
        path,
        timeout_seconds=TIMEOUT_SECONDS,
        params={"rid": str(run)},
        content=body.encode(),
    )
    if said.strip() in _IGNORED:
        raise ToolFailed(f"{service.label}: it was answered {said.strip()!r}")


def _may_pass(error: Exception) -> bool:
    busy = isinstance(error, ToolFailed) and (error.exit_code or 0) >= _FIRST_OF_SERVER
    return busy or isinstance(error, (ServiceVanished, ToolTimeout))
