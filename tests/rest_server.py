"""A real server of restic's REST protocol, append-only or not.

It is rclone's, keeps its files in a directory, and is stopped by leaving the context.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.sshd import await_port

RCLONE = Path(sys.executable).with_name("rclone")


@contextmanager
def rest_server(
    directory: Path, *, append_only: bool, host: str = "127.0.0.1", port: int | None = None
) -> Iterator[str]:
    """Start a server.

    Args:
        directory: Where it keeps the repository; it must be there.
        append_only: Whether it refuses to delete anything but locks.
        host: Address of this machine it listens on.
        port: Its port; None for one that is free on loopback.

    Yields:
        restic's URL of the repository.
    """
    port = port or free_port()
    command = [
        *(str(RCLONE), "serve", "restic", "--config", "", "--addr", f"{host}:{port}"),
        *(("--append-only",) if append_only else ()),
        str(directory),
    ]
    log = directory.with_suffix(".log")
    with log.open("wb") as said:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            await_port(server, port, log, host)
            yield f"rest:http://{host}:{port}/"
        finally:
            server.terminate()
            server.wait(10)
