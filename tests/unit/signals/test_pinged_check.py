"""The double of the ping service's check behaves as the service's documentation says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.doubles.healthchecks import PingedCheck, State
from tests.fakes.receiver import Call

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("pings", "hours", "state"),
    [
        ((), 99, "new"),
        (("/log",), 99, "new"),
        (("",), 23, "up"),
        (("",), 24.5, "grace"),
        (("",), 25.5, "down"),
        (("", "/log"), 25.5, "down"),
        (("/start",), 0.5, "new"),
        (("/start",), 1.5, "down"),
        (("", "/start"), 1.5, "down"),
        (("/start", ""), 1.5, "up"),
        (("", "/fail"), 0, "down"),
        (("/fail", "/start"), 0, "down"),
        (("/fail", ""), 0, "up"),
    ],
)
def test_a_check_is_in_the_state_its_pings_put_it(
    pings: tuple[str, ...], hours: float, state: State
) -> None:
    """Late after the period, down after the grace time too, or where a start has no end in it."""
    check = PingedCheck("/daily", period=24 * HOUR, grace=HOUR)
    for event in pings:
        assert check.take(Call(f"/daily{event}", {}, None, "")) == (200, "OK")
    assert check.state(hours * HOUR) == state


def test_a_ping_for_another_check_changes_nothing() -> None:
    """It is not found."""
    check = PingedCheck("/daily", period=24 * HOUR, grace=HOUR)
    assert check.take(Call("/verify", {}, None, ""))[0] == 404
    assert (check.state(), check.pings) == ("new", [])
