"""Calls of a service's own HTTP interface, in one place: the answer, or an error of ours.

Holds how a call is made and how its failures are worded. Keep out: what any one service is
asked. A secret travels in a header, or in the address of a service outside, and is in no message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from alt_backup_assets.errors import ConfigurationError, ServiceVanished, ToolFailed, ToolTimeout
from alt_backup_assets.tools.silence import silenced_libraries

NOT_FOUND = 404
_SAID_CHARACTERS = 500
_FIRST_ERROR = 300
"""A redirection is not followed, so it is no answer either."""


@dataclass(frozen=True)
class HttpService:
    """One service's HTTP interface.

    Attributes:
        label: How messages name it, such as ``meilisearch (container alt-meilisearch-1)``.
        url: Where it answers, without a slash at the end.
        headers: Sent with every call; may hold a secret, and is never shown.
        outside: It is out in the world: reached by the environment's proxy where there is one,
            and whoever knows its address may use it, so that neither address nor answer is shown.
    """

    label: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    outside: bool = False

    def json(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float,
        params: Mapping[str, str | int] | None = None,
    ) -> Any:  # noqa: ANN401 -- whatever the service says; the caller checks it
        """Make a call and return the JSON it is answered with.

        Raises:
            ToolFailed: It was refused, or the answer is not JSON. ``exit_code`` is the status.
            ToolTimeout: No answer came in time.
            ServiceVanished: Nothing answers there.
        """
        said = self.text(method, path, timeout_seconds=timeout_seconds, params=params)
        try:
            return json.loads(said)
        except ValueError:
            shown = "" if self.outside else f": {said[:80]!r}"
            raise ToolFailed(
                f"{self._called(method, path)} was not answered with JSON{shown}"
            ) from None

    def text(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
    ) -> str:
        """Make a call and return the text it is answered with; errors as of ``json``."""
        call = self._called(method, path)
        try:
            # trust_env: a proxy for the outside world must not see what is said to a service.
            with (
                silenced_libraries() if self.outside else nullcontext(),
                httpx.Client(trust_env=self.outside, timeout=timeout_seconds) as client,
            ):
                response = client.request(
                    method,
                    f"{self.url}{path}",
                    params=params,
                    content=content,
                    headers=dict(self.headers),
                )
        except httpx.TimeoutException:
            raise ToolTimeout(f"{call} was not answered within {timeout_seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = type(error).__name__ if self.outside else error
            raise ServiceVanished(f"{call} cannot be reached: {why}") from None
        if response.status_code >= _FIRST_ERROR:
            said = "" if self.outside else f": {_said(response)}"
            raise ToolFailed(
                f"{call} was answered with {response.status_code}{said}", response.status_code
            )
        return response.text

    def _called(self, method: str, path: str) -> str:
        return f"{self.label}: {method}" + ("" if self.outside else f" {self.url}{path}")


def read_secret(path: Path | None, field: str = "password_file") -> str | None:
    """Return the secret in a file, without the line break at its end.

    Args:
        path: The file; None where there is no secret.
        field: How the operator's file names it.

    Raises:
        ConfigurationError: The file cannot be read, is empty, or holds what no header can.
    """
    if path is None:
        return None
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"{field} {path} cannot be read: {why}") from None
    if not secret or not (secret.isascii() and secret.isprintable()):
        raise ConfigurationError(f"{field} {path} must hold one line of visible characters")
    return secret


def _said(response: httpx.Response) -> str:
    """Return what a service says is wrong; its JSON's ``message`` or ``error`` where it has one."""
    with suppress(ValueError):
        said = response.json()
        if isinstance(said, dict):
            for key in ("message", "error"):
                if isinstance(said.get(key), str):
                    return str(said[key])[:_SAID_CHARACTERS]
    return response.text.strip()[:_SAID_CHARACTERS] or "it said nothing"
