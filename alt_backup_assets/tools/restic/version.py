"""Which restic this is, and whether it is new enough."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from alt_backup_assets.errors import RepositoryError, ToolMissing
from alt_backup_assets.tools.process import environment, failure
from alt_backup_assets.tools.restic import commands, values

if TYPE_CHECKING:
    from alt_backup_assets.tools.restic.caller import Run

OLDEST = (0, 17, 1)
"""The first with exit codes for a missing (10), locked (11) and wrongly opened (12) repository."""

_CHECK_SUMMARY_SINCE = (0, 18, 0)
_SECONDS = 30


def require_version(binary: Path, run: Run) -> str:
    """Return the version of a restic that is new enough.

    Raises:
        ToolMissing: It is not there, or older; the message has the remedy.
    """
    completed = run((str(binary), *commands.VERSION), timeout_seconds=_SECONDS, env=environment())
    if completed.exit_code != 0:
        raise ToolMissing(failure(str(binary), completed.exit_code, completed.stderr_tail))
    try:
        version = values.answer(completed.stdout, values.Version, "version").version
    except RepositoryError:
        # Before 0.17 it had no JSON for this.
        raise _too_old(binary, completed.stdout.decode(errors="replace").strip()) from None
    if _numbers(version) < OLDEST:
        raise _too_old(binary, version)
    return version


def require_no_check_summary(version: str) -> None:
    """Accept that ``check`` ended with 0 and said nothing, as it does before 0.18.

    Raises:
        RepositoryError: This restic should have said what it found.
    """
    if _numbers(version) >= _CHECK_SUMMARY_SINCE:
        raise RepositoryError("restic check ended with 0 and without its summary")


def _numbers(version: str) -> tuple[int, ...]:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(number) for number in numbers.groups()) if numbers else ()


def _too_old(binary: Path, version: str) -> ToolMissing:
    oldest = ".".join(str(number) for number in OLDEST)
    return ToolMissing(
        f"{binary} is {version or 'nameless'}, and {oldest} is needed: older ones do not tell a"
        " wrong password from a missing repository. Install a newer one, or name it in `restic`"
    )
