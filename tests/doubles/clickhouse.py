"""ClickHouse's HTTP interface and ``clickhouse local`` over the real engine, from ``chdb``.

Run as a program: ``serve ADDRESS:PORT DATA CONFIG KEY`` or ``local --path P --config-file C ...``.
One session per process, as chdb demands. Behaviours: ClickHouse documentation, "HTTP interface".
"""

from __future__ import annotations

import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


def _session(data: str, config: str) -> Any:  # noqa: ANN401  # chdb has no types
    from chdb.session import Session  # noqa: PLC0415  # heavy; only a program needs it

    made: Any = Session
    return made(f"{data}?config-file={config}")


def serve(where: str, data: str, config: str, key: str) -> None:
    """Answer queries in the body of a POST, for the user ``default`` with a key."""
    session = _session(data, config)

    class Handler(BaseHTTPRequestHandler):
        """One call."""

        def do_POST(self) -> None:
            """Answer it; errors with a code of their own, as the documentation says."""
            query = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.headers.get("X-ClickHouse-Key") != key:
                # Code 516, AUTHENTICATION_FAILED, comes with the status 403.
                self._say(403, b"Code: 516. DB::Exception: Authentication failed", "516")
                return
            try:
                said = bytes(session.query(query, "JSONEachRow").bytes())
            except Exception as error:  # noqa: BLE001  # whatever the engine says is the answer
                code = re.search(r"Code: (\d+)", str(error))
                self._say(500, str(error).encode(), code[1] if code else "1002")
            else:
                self._say(200, said)

        def _say(self, status: int, body: bytes, code: str | None = None) -> None:
            self.send_response(status)
            if code:
                self.send_header("X-ClickHouse-Exception-Code", code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    address, port = where.split(":")
    HTTPServer((address, int(port)), Handler).serve_forever()


def local(options: list[str]) -> None:
    """Run the one query on standard input."""
    values = dict(zip(options[::2], options[1::2], strict=True))
    session = _session(values["--path"], values["--config-file"])
    try:
        said = session.query(sys.stdin.read(), values["--output-format"]).bytes()
    except Exception as error:  # noqa: BLE001  # the engine's own words
        sys.exit(str(error))
    sys.stdout.buffer.write(bytes(said))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:6])
    else:
        local(sys.argv[2:])
