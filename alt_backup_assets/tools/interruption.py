"""Ctrl-C for threads: a signal reaches the main thread only, the waiting is done in others.

Whatever waits for a program or a lock waits in slices and heeds this in between. A thread is
interrupted once, so that its own clean-up, which starts programs too, is left alone. Keep out:
signals; whoever leaves a pool of threads early does the stopping.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLICE_SECONDS = 0.5
"""The longest that anything waits without heeding."""

_stopping = threading.Event()
_told = threading.local()


@contextmanager
def stopping() -> Iterator[None]:
    """Interrupt every thread that waits, for as long as the context lasts."""
    _stopping.set()
    try:
        yield
    finally:
        _stopping.clear()


def refuse_to_begin() -> None:
    """Raise if threads are being stopped, also in one that was told: it is to begin nothing new.

    Raises:
        KeyboardInterrupt: As ``heed``.
    """
    if _stopping.is_set():
        _told.already = True
        raise KeyboardInterrupt


def heed() -> None:
    """Raise if this thread is to stop and has not been told yet.

    Raises:
        KeyboardInterrupt: In the thread of the caller; no ``except`` for errors catches it.
    """
    if _stopping.is_set() and not getattr(_told, "already", False):
        _told.already = True
        raise KeyboardInterrupt
