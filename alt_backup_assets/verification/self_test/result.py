"""What the verifier's own drill found, and where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from alt_backup_assets.errors import DrillError
from alt_backup_assets.site import Site
from alt_backup_assets.tools.record_file import keep
from alt_backup_assets.values import Frozen


class FaultResult(Frozen):
    """What the drill said to one planted fault.

    Attributes:
        fault: Its name.
        detected: Whether the drill failed and named it; None where this site has nothing to
            plant it in.
        message: The drill's sentence about it, or why it was not planted or not detected.
        volume: Whose copy it was planted in; None where it was not planted.
    """

    fault: str
    detected: bool | None
    message: str
    volume: str | None = None


class ControlResult(Frozen):
    """What the drill said to a copy that was handled in the same way and has no fault.

    Attributes:
        engine: Of the copy.
        volume: Whose copy it was; None where there was none.
        proven: Whether the drill was green, as it must be.
        message: Why it was not; empty where it was.
    """

    engine: str
    volume: str | None = None
    proven: bool
    message: str = ""


class SelfTestResult(Frozen):
    """How one self-test ended.

    Attributes:
        checked_at: When.
        controls: One per engine that was tried.
        faults: Every fault there is, planted or not.
    """

    checked_at: AwareDatetime
    controls: tuple[ControlResult, ...]
    faults: tuple[FaultResult, ...]

    @property
    def verdict(self) -> Literal["GOOD", "FAILED"]:
        """GOOD where something was planted, all of it was noticed, and every control was green."""
        planted = {fault.detected for fault in self.faults} - {None}
        proven = {control.proven for control in self.controls}
        return "GOOD" if planted == proven == {True} else "FAILED"

    @property
    def reasons(self) -> tuple[str, ...]:
        """A sentence for everything that keeps the verdict from being GOOD."""
        return (
            *(f"control {c.engine}: {c.message}" for c in self.controls if not c.proven),
            *(f"{f.fault}: {f.message}" for f in self.faults if f.detected is False),
            *self._nothing_planted(),
        )

    def _nothing_planted(self) -> tuple[str, ...]:
        if not self.controls:
            return ("nothing was planted: no control was drilled",)
        if all(fault.detected is None for fault in self.faults):
            return ("nothing was planted: every fault lacks what it needs",)
        return ()


def newest_self_test(site: Site) -> SelfTestResult | None:
    """Return how the newest self-test ended; None where none was made.

    Raises:
        DrillError: Its record cannot be read, so that nobody knows.
    """
    try:
        return SelfTestResult.model_validate_json(_path(site).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise DrillError(
            f"{_path(site)} cannot be read, so nobody knows whether the verifier works: run"
            " `alt-backup self-test`"
        ) from None


def record(site: Site, result: SelfTestResult) -> None:
    """Keep a result in place of the one before, on the disk before this returns."""
    keep(_path(site), result)


def _path(site: Site) -> Path:
    return site.state / "self-test.json"
