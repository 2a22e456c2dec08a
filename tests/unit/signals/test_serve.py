"""Serving: one reading for a while, 500 for one that failed, and a clean end."""

from __future__ import annotations

import threading
from datetime import timedelta

import httpx
import pytest

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.signals import serve
from alt_backup_assets.signals.facts import Facts, read_facts
from alt_backup_assets.signals.serve import Readings, serving
from alt_backup_assets.tools import interruption
from tests.fakes.site import Machine


class Reader:
    """Reads a machine's facts, counts that, and fails on demand."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.count = 0
        self.error: Exception | None = None

    def __call__(self) -> Facts:
        """Read, or raise."""
        self.count += 1
        if self.error:
            raise self.error
        return read_facts(self._machine.site)


@pytest.fixture(name="reader")
def _reader(good: Machine) -> Reader:
    return Reader(good)


def _get(port: int) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30)


def test_it_answers_with_the_metrics(reader: Reader) -> None:
    """In the official text format, and those of this process are not among them."""
    with serving(Readings(reader), "127.0.0.1", 0) as port:
        answer = _get(port)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "\nbackup_repository_initialized 1.0\n" in answer.text
    assert "python_info" not in answer.text


def test_a_reading_is_good_for_a_while(reader: Reader) -> None:
    """Many scrapes, one reading; serving reads nothing before it is asked."""
    with serving(Readings(reader), "127.0.0.1", 0) as port:
        assert reader.count == 0
        for _ in range(3):
            _get(port)
    assert reader.count == 1


def test_an_old_reading_is_read_again(reader: Reader) -> None:
    """With no age at all, at every scrape."""
    with serving(Readings(reader, timedelta(0)), "127.0.0.1", 0) as port:
        _get(port)
        _get(port)
    assert reader.count == 2


def test_a_reading_that_fails_is_500_and_never_the_one_before(
    reader: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prometheus then has no series; once it can be read again, it is answered again."""
    with serving(Readings(reader, timedelta(0)), "127.0.0.1", 0) as port:
        assert _get(port).status_code == 200
        reader.error = ConfigurationError("the registry is broken")
        failed = _get(port)
        reader.error = None
        assert _get(port).status_code == 200
    assert failed.status_code == 500
    assert "backup_" not in failed.text
    assert "the registry is broken" in capfd.readouterr().err


def test_a_port_that_is_taken_is_an_error(reader: Reader) -> None:
    """Not a server that nobody can reach."""
    with (
        serving(Readings(reader), "127.0.0.1", 0) as port,
        pytest.raises(OSError, match="in use"),
        serving(Readings(reader), "127.0.0.1", port),
    ):
        pytest.fail("two servers on one port")


def test_the_end_stops_a_reading_under_way(
    good: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    """What waits is interrupted, and the end waits for its clean-up."""
    begun, cleaned = threading.Event(), threading.Event()

    def wait() -> Facts:
        begun.set()
        try:
            while True:
                interruption.heed()
                threading.Event().wait(0.01)
        finally:
            cleaned.set()

    with serving(Readings(wait), "127.0.0.1", 0) as port:
        scrape = threading.Thread(target=lambda: _get(port))
        scrape.start()
        assert begun.wait(30)
    assert cleaned.is_set()
    scrape.join(30)
    assert not scrape.is_alive()
    with pytest.raises(httpx.ConnectError):
        _get(port)
    assert capfd.readouterr().out == ""


def test_a_reading_lasts_longer_than_the_shipped_scrape_interval() -> None:
    """Or every scrape would hash every dump."""
    assert timedelta(minutes=1) < serve.MAX_AGE
