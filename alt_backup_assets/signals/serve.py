"""Serves the metrics over HTTP, each reading for a while.

A reading that fails is answered with 500 and forgotten: Prometheus then has no series at all,
and the rules that ask for absence fire. An old reading never stands in for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily

from alt_backup_assets.signals.facts import Facts
from alt_backup_assets.signals.metrics import families
from alt_backup_assets.tools import interruption

MAX_AGE = timedelta(minutes=5)
"""Longer than a scrape interval: a reading lists repositories and hashes the newest dumps."""


class Readings:
    """A collector that reads at most once in a while, one scrape at a time.

    Args:
        read: Reads the facts; what it raises is the answer to that scrape, and to no other.
        max_age: How long a reading is good for.
    """

    def __init__(self, read: Callable[[], Facts], max_age: timedelta = MAX_AGE) -> None:
        self._read = read
        self._seconds = max_age.total_seconds()
        self._lock = threading.Lock()
        self._until = 0.0
        self._families: tuple[GaugeMetricFamily, ...] = ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the families of a reading that is new enough."""
        with self._lock:
            now = time.monotonic()
            if now >= self._until:
                self._families = families(self._read())
                self._until = now + self._seconds
            return self._families

    def settle(self) -> None:
        """Wait until no reading is under way."""
        with self._lock:
            return


@contextmanager
def serving(readings: Readings, address: str, port: int) -> Iterator[int]:
    """Serve for as long as the context lasts; at its end a reading under way is stopped.

    Args:
        readings: What is served, at every path.
        address: Where it listens.
        port: The TCP port; 0 for one that is free.

    Yields:
        The port.

    Raises:
        OSError: Somebody listens there already, or the address is not ours.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(readings)
    server, _ = start_http_server(port, address, registry)
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        with interruption.stopping():
            readings.settle()
