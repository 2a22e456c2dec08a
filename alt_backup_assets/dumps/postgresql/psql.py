"""A psql session that is held open and spoken to, in whatever place the server is.

Its settings make equal values have equal text, so that answers from two servers can be
compared.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from alt_backup_assets.platforms.seam import Place, Session
from alt_backup_assets.tools.postgresql import psql

# The text of every value must be the same on both sides of a comparison.
_CANONICAL = """
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8'; SET extra_float_digits = 3; SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';
SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET row_security = off;
SET search_path = '';
"""


class Psql:
    """One connection, held open, that answers queries with rows."""

    def __init__(self, session: Session, timeout_seconds: float) -> None:
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._marker = f"end-of-answer-{secrets.token_hex(8)}"

    def execute(self, sql: str) -> list[str]:
        """Run statements and return the lines they print.

        Raises:
            ToolFailed: A statement failed; psql's message is in it.
            ToolTimeout: No answer in time.
            ServiceVanished: The server's place is gone.
        """
        self._session.write(f"{sql}\n;\n\\echo {self._marker}\n".encode())
        lines = []
        while (line := self._next_line()) != self._marker:
            lines.append(line)
        return lines

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Run one SELECT and return its rows by column name."""
        lines = self.execute(f"SELECT pg_catalog.row_to_json(answer) FROM ({sql}) AS answer")
        return [json.loads(line) for line in lines]

    def _next_line(self) -> str:
        return self._session.read_line(timeout_seconds=self._timeout_seconds).decode()


@contextmanager
def connect(
    place: Place, user: str, database: str, *, env: Mapping[str, str], timeout_seconds: float
) -> Iterator[Psql]:
    """Open a psql session with settings under which equal values have equal text."""
    with place.open(psql(user, database), env=env) as session:
        connection = Psql(session, timeout_seconds)
        connection.execute(_CANONICAL)
        yield connection
