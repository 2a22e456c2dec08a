"""A clock that shows what a test says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until it is moved.

    Attributes:
        at: What it shows, aware UTC.
    """

    at: datetime = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def advance(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Move it on, or back."""
        self.at += timedelta(days=days, hours=hours, seconds=seconds)
