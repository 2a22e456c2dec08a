"""Names and their near misses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from alt_backup_assets.values import Frozen, Name, near_miss


class _Named(Frozen):
    name: Name


@pytest.mark.parametrize("name", ["db_data_17", "redis-streams-data", "a.b", "7zip", "a" * 128])
def test_dockers_names_are_names(name: str) -> None:
    """What Docker allows for a volume is a name here."""
    assert _Named(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "a,b", "ä", "a" * 129]
)
def test_what_cannot_be_a_directory_or_a_tag_is_no_name(name: str) -> None:
    """A name is never a way out of its directory, and never two tags."""
    with pytest.raises(ValidationError):
        _Named(name=name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("redis_streams_data", "; did you mean `redis-streams-data`?"),
        ("DB_DATA_17", "; did you mean `db_data_17`?"),
        ("db_data17", "; did you mean `db_data_17`?"),
        ("something_else", ""),
    ],
)
def test_the_nearest_name_is_offered_and_no_far_one(name: str, said: str) -> None:
    """A mix-up or a typo finds its name; a name that is like no other finds none."""
    assert near_miss(name, ["db_data_17", "redis-streams-data"]) == said


def test_a_value_neither_changes_nor_takes_unknown_fields() -> None:
    """The base freezes its values and forbids what it does not know."""
    value = _Named(name="a")
    with pytest.raises(ValidationError):
        value.name = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        _Named.model_validate({"name": "a", "nam": "b"})
