"""A Docker engine that answers from a script, over the Engine API on a real local socket.

It knows one container and one command, and how an engine can fail them: a stream that is cut,
an exit code nobody knows, output in one packet with the headers. Keep out: what the real
engine shows better.
"""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

STARTED_AT = "2026-11-23T00:00:00Z"


def frame(data: bytes, stream: int = 1) -> bytes:
    """Return output as the engine sends it."""
    return struct.pack(">BxxxL", stream, len(data)) + data


@dataclass
class Script:
    """What the engine says.

    Attributes:
        stream: The bytes that follow the headers of the command's stream, in one packet.
        states: The command's state each time it is asked for; the last one stays.
        container: The container's state.
        refusals: Status code and message by the end of a path that is refused.
        hold_open: Keep the stream open after its last byte.
        asked: Every method and path, in order.
    """

    stream: bytes = b""
    states: Sequence[Mapping[str, object]] = ({"Running": False, "ExitCode": 0, "Pid": 0},)
    container: Mapping[str, object] = field(
        default_factory=lambda: {"Running": True, "StartedAt": STARTED_AT}
    )
    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    hold_open: threading.Event | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def scripted_engine(directory: Path, script: Script) -> Iterator[str]:
    """Run the engine; give its URL."""
    path = directory / "engine.sock"

    class Handler(_Handler):
        """The handler of this script."""

    Handler.script = script
    with _Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            if script.hold_open is not None:
                script.hold_open.set()
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        if self._refused():
            return
        if self.path.endswith("/version"):
            self._answer({"ApiVersion": "1.41", "Version": "0"})
        elif "/exec/" in self.path:
            states = self.script.states
            self._answer(states[0])
            self.script.states = states[1:] or states
        else:
            self._answer({"State": self.script.container})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._refused():
            return
        if self.path.endswith("/start"):
            head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            self.connection.sendall(head + self.script.stream)
            if self.script.hold_open is not None:
                self.script.hold_open.wait(timeout=60)
            self.close_connection = True
        else:
            self._answer({"Id": "command"}, 201)

    def _refused(self) -> bool:
        self.script.asked.append(f"{self.command} {self.path}")
        for end, (status, message) in self.script.refusals.items():
            if self.path.endswith(end):
                self._answer({"message": message}, status)
                return True
        return False

    def _answer(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"  # a Unix socket has no address to name

    def log_message(self, *_: object) -> None:
        return  # the script keeps what was asked
