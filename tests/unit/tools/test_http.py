"""Calls of a service's HTTP interface, against real servers on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from alt_backup_assets.errors import ConfigurationError, ServiceVanished, ToolFailed, ToolTimeout
from alt_backup_assets.tools.http import HttpService, read_secret

SECRET = "Bearer protects-nothing"


class _Handler(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    seen: ClassVar[list[tuple[str, str | None, bytes]]] = []
    silent: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.path, self.headers.get("Authorization"), body))
        path = self.path.split("?")[0]
        if path == "/silent":
            self.silent.wait(timeout=20)
            return
        status, said = self.answers[path]
        self.send_response(status)
        promised = len(said) + (10 if path == "/cut" else 0)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def _serving(**answers: tuple[int, bytes]) -> Iterator[HttpService]:
    _Handler.answers = {f"/{name}": answer for name, answer in answers.items()}
    _Handler.seen.clear()
    _Handler.silent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            yield HttpService("search (fake)", url, {"Authorization": SECRET})
        finally:
            _Handler.silent.set()
            server.shutdown()
            thread.join()


def test_an_answer_comes_back_as_json() -> None:
    """Parameters, body and header arrive, and the JSON comes back."""
    with _serving(tasks=(200, b'{"uid": 7}')) as service:
        assert service.json("GET", "/tasks", timeout_seconds=5, params={"limit": 1}) == {"uid": 7}
        assert service.text("POST", "/tasks", timeout_seconds=5, content=b"x") == '{"uid": 7}'
    assert _Handler.seen == [("/tasks?limit=1", SECRET, b""), ("/tasks", SECRET, b"x")]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, b'{"message": "The provided API key is invalid.", "code": "x"}', "API key is inv"),
        (400, b'{"status": "error", "error": "admin APIs disabled"}', "admin APIs disabled"),
        (500, b"Code: 598. no disk", "Code: 598. no disk"),
        (502, b"", "it said nothing"),
    ],
)
def test_a_refusal_says_what_the_service_said(status: int, body: bytes, said: str) -> None:
    """Status and reason are in the error, the secret is not."""
    with _serving(x=(status, body)) as service, pytest.raises(ToolFailed, match=said) as caught:
        service.json("GET", "/x", timeout_seconds=5)
    assert caught.value.exit_code == status
    assert f"answered with {status}" in str(caught.value)
    assert "protects-nothing" not in f"{caught.value} {service!r}"


def test_an_answer_that_is_not_json_is_a_failure() -> None:
    """A proxy's page is no answer."""
    with (
        _serving(x=(200, b"<html>")) as service,
        pytest.raises(ToolFailed, match="not answered with JSON"),
    ):
        service.json("GET", "/x", timeout_seconds=5)


def test_a_cut_answer_is_a_failure() -> None:
    """Fewer bytes than were promised are no answer."""
    with _serving(cut=(200, b"{}")) as service, pytest.raises(ServiceVanished):
        service.json("GET", "/cut", timeout_seconds=5)


def test_a_silent_service_times_out() -> None:
    """No answer in time is an error of its own."""
    with _serving() as service, pytest.raises(ToolTimeout, match=r"within 0\.3 s"):
        service.json("GET", "/silent", timeout_seconds=0.3)


def test_nobody_there_is_told_with_the_address() -> None:
    """The operator sees where it was looked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    service = HttpService("search (fake)", f"http://127.0.0.1:{port}")
    with pytest.raises(ServiceVanished, match=f"127.0.0.1:{port}/health cannot be reached"):
        service.json("GET", "/health", timeout_seconds=5)


def test_a_secret_is_one_line_of_a_file(tmp_path: Path) -> None:
    """The line break at its end does not belong to it; without a file there is none."""
    (tmp_path / "key").write_text("masterkey\n")
    assert read_secret(tmp_path / "key") == "masterkey"
    assert read_secret(None) is None


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines", b"\xff\xfe", "schl\u00fcssel".encode()]
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty or garbled file is an error that names the file, and never what is in it."""
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"password_file .*key"):
        read_secret(tmp_path / "key")


def test_a_missing_secret_file_is_refused(tmp_path: Path) -> None:
    """A path that is not there is named."""
    with pytest.raises(ConfigurationError, match="gone cannot be read: No such file"):
        read_secret(tmp_path / "gone")
