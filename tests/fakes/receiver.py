"""A real HTTP server on loopback that takes what is sent to it and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Call(NamedTuple):
    """One call.

    Attributes:
        path: Without the question.
        question: Its parameters.
        key: The header ``X-Api-Key``.
    """

    path: str
    question: dict[str, list[str]]
    key: str | None
    body: str


Answer = tuple[int, str]


@dataclass
class Receiver:
    """What was sent, and what is answered.

    Attributes:
        url: Where it answers.
        calls: Everything that came, in its order.
        answer: Status and text of the next answers, or what makes them from a call; a status of
            0 is silence, a negative one closes the connection.
    """

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Answer | Callable[[Call], Answer] = (200, "OK")
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        """The paths of the calls."""
        return [call.path for call in self.calls]

    def take(self, call: Call) -> Answer:
        """Keep a call and return its answer."""
        self.calls.append(call)
        return self.answer(call) if callable(self.answer) else self.answer


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked = urlsplit(self.path)
            key = self.headers.get("X-Api-Key")
            status, said = made.take(Call(asked.path, parse_qs(asked.query), key, body))
            if status == 0:
                made.done.wait(timeout=20)
            if status <= 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            made.done.set()
            server.shutdown()
            thread.join()
