"""The sweep of run containers, beside another sweep that removes the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
import requests
from docker.errors import APIError, NotFound

from alt_backup_assets.errors import PlatformError
from alt_backup_assets.platforms.docker_runs import sweep

if TYPE_CHECKING:
    from docker.api.client import APIClient


class _Engine:
    """An engine with two containers of runs that ended long ago.

    Attributes:
        status: What it refuses to remove the first with; None where it removes it.
    """

    def __init__(self, status: int | None = None) -> None:
        self.status = status

    def containers(self, **_wanted: object) -> list[dict[str, object]]:
        """List both."""
        return [{"Id": name, "Names": [f"/{name}"], "Created": 0} for name in ("first", "second")]

    def remove_container(self, container: str, **_how: object) -> None:
        """Remove the second; the first as the status says."""
        if container == "first" and self.status is not None:
            response = requests.Response()
            response.status_code = self.status
            kind = NotFound if self.status == 404 else APIError
            raise kind("refused", response, "it was refused")


def _sweep(engine: _Engine) -> tuple[str, ...]:
    return sweep(cast("APIClient", engine), "platform")


def test_what_was_removed_is_named() -> None:
    """Each by its name."""
    assert _sweep(_Engine()) == ("first", "second")


@pytest.mark.parametrize("status", [404, 409])
def test_one_that_another_sweep_removes_is_passed_over(status: int) -> None:
    """It is gone, or its removal is in progress: the others are removed, and it is not named."""
    assert _sweep(_Engine(status)) == ("second",)


def test_another_refusal_is_an_error() -> None:
    """An engine that cannot remove a container says so."""
    with pytest.raises(PlatformError, match="to remove the container of a run: it was refused"):
        _sweep(_Engine(500))
