"""Meilisearch, asked over its HTTP interface: a JSON object, or an error with what to do.

Holds how a call is sent and how the parts of an answer are read. Keep out: what is asked.

Source: Meilisearch API reference, "Overview", "Keys" (the actions a key may be allowed).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.tools.http import HttpService

Answer = dict[str, object]
Ask = Callable[[str], Answer]
"""Gets a path, with its query, and returns the JSON object it is answered with."""

HTTP_PORT = 7700
NOT_ALLOWED = (401, 403)
ACTIONS = "snapshots.create, tasks.get, indexes.get, stats.get and settings.get"

_CALL_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        http: Its HTTP interface, with the header of a key.
    """

    http: HttpService

    def get(self, path: str) -> Answer:
        """Get a path.

        Raises:
            ToolFailed: It was refused, or the answer is no JSON object. ``exit_code`` is the
                HTTP status.
            ToolTimeout: It was not answered within a minute.
            ServiceVanished: Nothing answers there.
        """
        return self._call("GET", path)

    def post(self, path: str) -> Answer:
        """Post to a path; errors as of ``get``."""
        return self._call("POST", path)

    def _call(self, method: str, path: str) -> Answer:
        try:
            said = self.http.text(method, path, timeout_seconds=_CALL_SECONDS)
        except ToolFailed as error:
            if error.exit_code not in NOT_ALLOWED:
                raise
            raise ToolFailed(
                f"{error}; `password_file` must hold the master key, or a key that is allowed"
                f" {ACTIONS}",
                error.exit_code,
            ) from None
        return parsed(said, self.http.label)


def parsed(said: str, label: str) -> Answer:
    """Read an answer.

    Raises:
        ToolFailed: It is cut, or no JSON object.
    """
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ToolFailed(f"{label}: Meilisearch's answer is cut or no JSON object: {said[:80]!r}")
    return found


def number(answer: Answer, name: str) -> int:
    """Return a number of an answer.

    Raises:
        ToolFailed: There is none of that name.
    """
    value = answer.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ToolFailed(f"Meilisearch's answer has no number `{name}`: {str(answer)[:80]}")
    return value


def results(answer: Answer) -> list[Answer]:
    """Return the objects of a page of an answer.

    Raises:
        ToolFailed: There is no list of them.
    """
    value = answer.get("results")
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ToolFailed("Meilisearch's answer has no list `results`")
    return value
