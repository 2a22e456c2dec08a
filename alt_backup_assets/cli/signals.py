"""Signals that end a program, made into the one exception every context manager cleans up for."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at the first of these signals; later ones wait for the clean-up.

    A signal our parent chose to ignore (``nohup``, a background job) stays ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, _ignore)  # SIG_IGN would be inherited by what clean-up starts
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"\ninterrupted, cleaning up\n")
        raise KeyboardInterrupt

    known = {number: signal.getsignal(number) for number in _ENDING}
    before = {number: handler for number, handler in known.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the clean-up is under way."""
