"""ClickHouse, asked over its HTTP interface: rows, or an error.

Holds how a query is sent and how names and texts are quoted. Keep out: what is asked.

Source: ClickHouse documentation, "HTTP interface".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.tools.http import HttpService

Row = dict[str, object]
Ask = Callable[[str], list[Row]]
"""Sends one query and returns its rows."""

HTTP_PORT = 8123

# The answer is complete before its status is sent: no error can hide behind a 200.
_PARAMETERS: dict[str, str | int] = {
    "database": "system",
    "default_format": "JSONEachRow",
    "wait_end_of_query": 1,
}


def name(identifier: str) -> str:
    """Quote the name of a database or a table."""
    return "`" + _escaped(identifier).replace("`", "\\`") + "`"


def text(value: str) -> str:
    """Quote a text."""
    return "'" + _escaped(value).replace("'", "\\'") + "'"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        http: Its HTTP interface, with the headers of a user.
        timeout_seconds: How long one query may take.
    """

    http: HttpService
    timeout_seconds: float

    def ask(self, query: str) -> list[Row]:
        """Send a query and return its rows.

        Raises:
            ToolFailed: ClickHouse refused it, or answered with something else than rows.
            ToolTimeout: It was not answered in time.
            ServiceVanished: Nothing answers there.
        """
        said = self.http.text(
            "POST",
            "/",
            timeout_seconds=self.timeout_seconds,
            params=_PARAMETERS,
            content=query.encode(),
        )
        return rows(said, self.http.label)


def rows(said: str, label: str) -> list[Row]:
    """Read an answer in the format JSONEachRow.

    Raises:
        ToolFailed: It is cut, or something else.
    """
    try:
        found = [json.loads(line) for line in said.splitlines() if line]
    except ValueError:
        found = [None]
    if not all(isinstance(row, dict) for row in found):
        raise ToolFailed(f"{label}: ClickHouse's answer is cut or not JSON: {said[-80:]!r}")
    return found
