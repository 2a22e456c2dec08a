"""A receiver on loopback, files with secret addresses, and nobody who waits before a retry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from tests.fakes.receiver import Receiver, receiving

CHECK = "5f0a7d9e-3f3c-4a55-9d6e-2b0b7a2f1c11"
"""The id of a check of the ping service: whoever knows it can ping."""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return what writes a file only its owner can read."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    return write
