"""Keeps libraries from logging the addresses they call, where an address is a secret.

Keep out: what this package logs itself, which never holds one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A filter holds for its own logger only: all that speak are named.
_TALKATIVE = (
    "apprise",
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "urllib3.connectionpool",
    "requests",
)
_silenced: ContextVar[bool] = ContextVar("silenced", default=False)


def _may_speak(record: logging.LogRecord) -> bool:
    return not _silenced.get()


@contextmanager
def silenced_libraries() -> Iterator[None]:
    """Drop what these libraries log in this thread until the context is left."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_may_speak)
    before = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(before)
