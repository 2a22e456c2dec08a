"""PostgreSQL's own programs: their argument lists, and a psql session that is spoken to.

Holds how they are called, and nothing of what a dump or a drill wants from them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alt_backup_assets.platforms.seam import Place, Session

# The text of every value must be the same on both sides of a comparison.
_CANONICAL = """
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8'; SET extra_float_digits = 3; SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';
SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET row_security = off;
SET search_path = '';
"""


def pg_dump(user: str, database: str, *, compression: str, snapshot: str) -> list[str]:
    """Return the dump command of the decision record's work package 3, in a given snapshot.

    Source: PostgreSQL manual, pg_dump, ``--snapshot``.
    """
    return [
        "pg_dump",
        "-U",
        user,
        "--format=custom",
        f"--compress={compression}",
        f"--snapshot={snapshot}",
        database,
    ]


def pg_dump_schema(user: str, database: str, *, snapshot: str | None = None) -> list[str]:
    """Return the command that prints the schema as text."""
    at = [f"--snapshot={snapshot}"] if snapshot else []
    return ["pg_dump", "-U", user, "--schema-only", *at, database]


def pg_dumpall_globals(user: str) -> list[str]:
    """Return the command that prints roles, memberships and password verifiers."""
    return ["pg_dumpall", "-U", user, "--globals-only"]


def pg_restore(user: str, path: str, *, jobs: int) -> list[str]:
    """Return the command that loads an archive, its database created by its own definition.

    ``template1`` is only where it connects first; the database ``postgres`` of a fresh server
    can be replaced this way too.
    """
    return [
        "pg_restore",
        "-U",
        user,
        "--dbname=template1",
        "--create",
        "--clean",
        "--if-exists",
        "--exit-on-error",
        f"--jobs={jobs}",
        path,
    ]


def psql(user: str, database: str) -> list[str]:
    """Return a psql that reads statements, stops at the first error and prints bare values."""
    return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database]


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL, whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


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
    place: Place, user: str, database: str, *, env: dict[str, str], timeout_seconds: float
) -> Iterator[Psql]:
    """Open a psql session with settings under which equal values have equal text."""
    with place.open(psql(user, database), env=env) as session:
        connection = Psql(session, timeout_seconds)
        connection.execute(_CANONICAL)
        yield connection
