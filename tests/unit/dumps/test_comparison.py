"""Two mappings are equal, or every key that differs is named."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.comparison import changed

RECORDED = {"alt": "1", "reader": "2"}


@pytest.mark.parametrize(
    ("restored", "sentences"),
    [
        (RECORDED, []),
        ({"reader": "2", "alt": "1"}, []),
        ({"alt": "1"}, ["role reader is missing"]),
        ({"alt": "1", "reader": "2", "spy": "3"}, ["role spy was not in the source"]),
        ({"alt": "1", "reader": "9"}, ["role reader differs"]),
        (
            {"alt": "9", "spy": "3"},
            ["role reader is missing", "role spy was not in the source", "role alt differs"],
        ),
        ({}, ["role alt is missing", "role reader is missing"]),
    ],
)
def test_every_key_that_differs_is_named(restored: dict[str, str], sentences: list[str]) -> None:
    """Missing, unexpected and other values, all at once; equal ones in silence."""
    assert changed("role", RECORDED, restored) == sentences


def test_keys_that_say_what_they_are_have_no_prefix() -> None:
    """The heading of a schema object is a name of its own."""
    assert changed("", {"Name: users; Type: TABLE": "1"}, {}) == [
        "Name: users; Type: TABLE is missing"
    ]
