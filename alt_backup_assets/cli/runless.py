"""Tells Dagster what the command line did, where ``DAGSTER_HOME`` is set.

Dagster is imported only then: on the day of a disaster there may be none. That it cannot be
told is a warning and never the failure of a backup.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from alt_backup_assets.offsite.copy import Copied
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import BackedUp
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.self_test.result import SelfTestResult

if TYPE_CHECKING:
    from alt_backup_assets.definitions.runless import Runless

HOME = "DAGSTER_HOME"


class Reporter:
    """Reports what was done, as it is done; after the first trouble it is silent.

    Args:
        site: The machine.
        warn: Takes the one sentence about that trouble.
    """

    def __init__(self, site: Site, warn: Callable[[str], object]) -> None:
        self._site = site
        self._warn = warn
        self._open = ExitStack()
        self._runless: Runless | None = None
        self._silent = not os.environ.get(HOME)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._runless:
            self._guarded(self._open.close)

    def backed_up(self, done: BackedUp) -> None:
        """Report a dump and its snapshot."""
        self._tell(lambda runless: runless.backed_up(done))

    def copied(self, copied: Copied) -> None:
        """Report an offsite copy."""
        self._tell(lambda runless: runless.copied(copied))

    def drilled(self, proof: Proof) -> None:
        """Report a drill."""
        self._tell(lambda runless: runless.drilled(proof))

    def self_tested(self, result: SelfTestResult) -> None:
        """Report a self-test."""
        self._tell(lambda runless: runless.self_tested(result))

    def _tell(self, report: Callable[[Runless], object]) -> None:
        if not self._silent:
            self._guarded(lambda: report(self._instance()))

    def _instance(self) -> Runless:
        if self._runless is None:
            from alt_backup_assets.definitions.runless import open_runless  # noqa: PLC0415

            self._runless = self._open.enter_context(open_runless(self._site))
        return self._runless

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            from alt_backup_assets.definitions.runless import BROKEN  # noqa: PLC0415
        except ImportError as error:
            self._give_up(error)
            return
        try:
            action()
        except BROKEN as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._silent = True
        said = str(error).strip().splitlines() or ["it said nothing"]
        self._warn(
            f"Dagster ({HOME}={os.environ.get(HOME)}) could not be told, so its UI lags behind;"
            f" what was done here counts all the same: {type(error).__name__}: {said[0]}"
        )
