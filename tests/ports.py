"""Free TCP ports, for servers that a test starts a while after it has told others their port.

The kernel gives none of them to an outgoing connection, every worker has a range of its own, and
a process hands each out once.
"""

from __future__ import annotations

import os
import socket

_FIRST, _EACH, _WORKERS = 10_000, 1_000, 20  # all below 32768, where the kernel's own begin
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
# Two suites on one machine have the same ranges, and begin at different places of them.
_ports = (_FIRST + _EACH * _WORKER + (os.getpid() + n) % _EACH for n in range(_EACH))


def free_port() -> int:
    """Return a port nobody listens on, at any address of this machine."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("0.0.0.0", port))  # noqa: S104 -- nobody is listened to
        except OSError:
            return False
        return True
