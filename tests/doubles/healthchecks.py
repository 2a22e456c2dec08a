"""One check of a ping service: in which state its pings, or their absence, put it.

Sources: healthchecks.io documentation, "Healthchecks.io Documentation" (the states), "Configuring
Checks" (period and grace time), "Measuring Job Run Time" (a start without its success within the
grace time), "Pinging API" (``/start``, ``/fail``, ``/log``). Grace is called late in its pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from tests.fakes.receiver import Answer, Call

State = Literal["new", "up", "grace", "down"]


@dataclass
class PingedCheck:
    """A check with a simple schedule.

    Attributes:
        path: Of its address.
        period: Expected between two successes.
        grace: What a success may be late, and what a job may take.
        succeeded_at: When it was last told of a success; None for never.
        started_at: When a job started that has not ended; None where none has.
        failed: Whether a failure was told and no success since.
    """

    path: str
    period: timedelta
    grace: timedelta
    succeeded_at: datetime | None = None
    started_at: datetime | None = None
    failed: bool = False
    pings: list[str] = field(default_factory=list)

    def take(self, call: Call) -> Answer:
        """Take a ping, as ``Receiver.answer``."""
        if not call.path.startswith(self.path):
            return 404, "not found"
        event = call.path.removeprefix(self.path)
        self.pings.append(event)
        now = datetime.now(UTC)
        if event == "/start":
            self.started_at = now
        elif event in {"", "/fail"}:
            self.started_at, self.failed = None, event == "/fail"
            self.succeeded_at = self.succeeded_at if self.failed else now
        return 200, "OK"  # a line in the log alone changes no state

    def state(self, after: timedelta = timedelta()) -> State:
        """Return its state, once that much more time has passed without a ping."""
        now = datetime.now(UTC) + after
        if self.failed or (self.started_at and now - self.started_at > self.grace):
            return "down"
        if self.succeeded_at is None:
            return "new"
        silence = now - self.succeeded_at
        if silence > self.period + self.grace:
            return "down"
        return "grace" if silence > self.period else "up"
