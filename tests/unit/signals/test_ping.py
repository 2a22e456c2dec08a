"""Pings, at a real server: what arrives, and every way in which one does not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from alt_backup_assets.config.signals import Pings
from alt_backup_assets.signals import ping as pinging
from alt_backup_assets.signals.ping import Event, ping, tail
from alt_backup_assets.tools.http import HttpService
from tests.fakes.receiver import Receiver
from tests.unit.signals.conftest import CHECK

Secret = Callable[[str, str], Path]
RUN = uuid4()


@pytest.fixture(name="pings")
def _pings(receiver: Receiver, secret: Secret) -> Pings:
    return Pings(daily=secret("daily", f"{receiver.url}/{CHECK}\n"))


@pytest.mark.parametrize(
    ("event", "path"), [("start", "/start"), ("success", ""), ("fail", "/fail"), ("log", "/log")]
)
def test_an_event_goes_to_its_own_path(
    receiver: Receiver, pings: Pings, event: Event, path: str
) -> None:
    """Each event has its path, the run's id, and the log in its body."""
    assert ping(pings, "daily", event, run=RUN, said="line one\nline two\n") is None
    (call,) = receiver.calls
    assert call.path == f"/{CHECK}{path}"
    assert call.question == {"rid": [str(RUN)]}
    assert call.body == "line one\nline two\n"


def test_a_job_without_an_address_is_not_pinged(receiver: Receiver, pings: Pings) -> None:
    """Each job has an address of its own, and none goes to that of another."""
    assert ping(pings, "hourly", "start", run=RUN) is None
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("answer", "calls", "said"),
    [
        ((500, "trouble at /secret"), 3, "answered with 500"),
        ((404, f"no {CHECK}"), 1, "answered with 404"),
        ((301, "elsewhere"), 1, "answered with 301"),
        ((200, "OK (not found)"), 1, "not found"),
        ((200, "OK (rate limited)"), 1, "rate limited"),
        ((-1, ""), 3, "cannot be reached"),
    ],
)
def test_a_ping_that_does_not_get_through_is_a_sentence(
    receiver: Receiver, pings: Pings, answer: tuple[int, str], calls: int, said: str
) -> None:
    """It is tried again only where that may help, never raises, and its address stays secret."""
    receiver.answer = answer
    why = ping(pings, "daily", "success", run=RUN)
    assert why is not None
    assert said in why
    assert CHECK not in why
    assert receiver.url not in why
    assert len(receiver.calls) == calls


def test_no_library_logs_the_address(
    receiver: Receiver, pings: Pings, caplog: pytest.LogCaptureFixture
) -> None:
    """Libraries log every call they make; here they do not, and elsewhere they may."""
    with caplog.at_level(logging.DEBUG):
        ping(pings, "daily", "success", run=RUN)
        assert CHECK not in caplog.text
        HttpService("metrics", receiver.url).text("GET", "/ready", timeout_seconds=5)
        assert "/ready" in caplog.text


def test_silence_ends(receiver: Receiver, pings: Pings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that never answers holds nobody up."""
    monkeypatch.setattr(pinging, "TIMEOUT_SECONDS", 0.05)
    receiver.answer = (0, "")
    why = ping(pings, "daily", "success", run=RUN)
    assert why is not None
    assert "was not answered within" in why
    assert CHECK not in why
    assert len(receiver.calls) == 3


def test_trouble_that_passes_is_no_trouble(receiver: Receiver, pings: Pings) -> None:
    """A service that has a bad moment is told all the same."""
    receiver.answer = lambda _: (500, "") if len(receiver.calls) == 1 else (200, "OK")
    assert ping(pings, "daily", "success", run=RUN) is None
    assert len(receiver.calls) == 2


def test_nobody_listening_is_a_sentence(secret: Secret) -> None:
    """A refused connection is a sentence without the address."""
    pings = Pings(daily=secret("daily", f"http://127.0.0.1:1/{CHECK}"))
    why = ping(pings, "daily", "success", run=RUN)
    assert why is not None
    assert "cannot be reached" in why
    assert CHECK not in why


@pytest.mark.parametrize("content", ["", "not an address", f"ftp://x/{CHECK}", "http://x/ y"])
def test_a_file_without_an_address_is_a_sentence(secret: Secret, content: str) -> None:
    """What is in the file is never repeated."""
    why = ping(Pings(daily=secret("daily", content)), "daily", "success", run=RUN)
    assert why is not None
    assert "signals.pings.daily" in why
    assert not content or content not in why


@pytest.mark.parametrize("host", ["http://[", "http://x:port", "http://\x7f"])
def test_an_address_nobody_can_parse_is_a_sentence(secret: Secret, host: str) -> None:
    """An address that is none is trouble of the ping, not a crash."""
    why = ping(Pings(daily=secret("daily", f"{host}/{CHECK}")), "daily", "success", run=RUN)
    assert why is not None
    assert CHECK not in why


def test_of_a_long_log_the_end_is_sent() -> None:
    """The service keeps 100 kB: the last whole lines are what counts."""
    text = "".join(f"line {number} with ä\n" for number in range(20_000))
    kept = tail(text)
    assert len(kept.encode()) <= 100_000
    assert kept.startswith("line ")
    assert text.endswith(kept)
    assert tail("short") == "short"
