"""A restored server is equal to its source, or each difference is a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.dumps.postgresql.content import (
    DatabaseContent,
    PostgresqlContent,
    Relation,
    Sequence,
)

USERS = Relation(name='"public"."users"', rows=3, content="1234")
EMPTY = Relation(name='"public"."empty"', rows=0, content="0")
IDS = Sequence(name='"public"."ids"', last_value=10, is_called=True, increment=1)

DATABASE = DatabaseContent(
    name="alt",
    schema_objects={"Name: users; Type: TABLE": "a1", "Name: ids; Type: SEQUENCE": "b2"},
    relations=(USERS, EMPTY),
    sequences=(IDS,),
    extensions={"plpgsql": "1.0", "vector": "0.8.0"},
)
SOURCE = PostgresqlContent(
    superuser="alt_db_user",
    roles={"alt_db_user": "c3", "reader": "d4"},
    preload="",
    databases=(DATABASE,),
)


def _with(**changes: object) -> PostgresqlContent:
    return SOURCE.model_copy(update={"databases": (DATABASE.model_copy(update=changes),)})


def test_an_equal_server_has_no_difference() -> None:
    """Nothing is found where nothing differs, empty tables included."""
    assert SOURCE.differences(SOURCE.model_copy(deep=True)) == ()


def test_the_order_of_relations_does_not_matter() -> None:
    """Names are compared, not positions."""
    assert SOURCE.differences(_with(relations=(EMPTY, USERS))) == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"relations": (EMPTY,)},
            'alt: "public"."users" is missing (3 rows were recorded)',
        ),
        (
            {"relations": (USERS,)},
            'alt: "public"."empty" is missing (0 rows were recorded)',
        ),
        (
            {"relations": (USERS.model_copy(update={"rows": 2}), EMPTY)},
            'alt: "public"."users" has 2 rows, 3 were recorded',
        ),
        (
            {"relations": (USERS.model_copy(update={"content": "9"}), EMPTY)},
            'alt: "public"."users" has other content in its 3 rows',
        ),
        (
            {"relations": (USERS, EMPTY.model_copy(update={"rows": 1, "content": "7"}))},
            'alt: "public"."empty" has 1 rows, 0 were recorded',
        ),
        (
            {"relations": (USERS, EMPTY, Relation(name="public.new", rows=0, content="0"))},
            "alt: public.new was not in the source",
        ),
        (
            {"extensions": {"plpgsql": "1.0"}},
            "alt: extension vector is missing",
        ),
        (
            {"extensions": {"plpgsql": "1.0", "vector": "0.7.0"}},
            "alt: extension vector differs",
        ),
        (
            {"extensions": {"plpgsql": "1.0", "vector": "0.8.0", "hstore": "1.8"}},
            "alt: extension hstore was not in the source",
        ),
        (
            {"schema_objects": {"Name: users; Type: TABLE": "a1"}},
            "alt: Name: ids; Type: SEQUENCE is missing",
        ),
        (
            {"schema_objects": DATABASE.schema_objects | {"Name: users; Type: TABLE": "zz"}},
            "alt: Name: users; Type: TABLE differs",
        ),
        (
            {"schema_objects": DATABASE.schema_objects | {"Name: spy; Type: TRIGGER": "zz"}},
            "alt: Name: spy; Type: TRIGGER was not in the source",
        ),
        (
            {"sequences": ()},
            'alt: sequence "public"."ids" is missing',
        ),
    ],
)
def test_what_differs_is_said(changes: dict[str, Any], sentence: str) -> None:
    """Exactly one sentence for exactly one difference, with the database's name."""
    assert SOURCE.differences(_with(**changes)) == (sentence,)


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ({"alt_db_user": "c3"}, "role reader is missing"),
        ({"alt_db_user": "c3", "reader": "zz"}, "role reader differs"),
        (SOURCE.roles | {"intruder": "zz"}, "role intruder was not in the source"),
    ],
)
def test_a_role_that_differs_is_said(roles: dict[str, str], sentence: str) -> None:
    """A service whose role is not as it was cannot log in."""
    assert SOURCE.differences(SOURCE.model_copy(update={"roles": roles})) == (sentence,)


def test_a_database_that_is_gone_is_said() -> None:
    """Databases that came back do not speak for one that did not."""
    other = DATABASE.model_copy(update={"name": "kratos"})
    source = SOURCE.model_copy(update={"databases": (DATABASE, other)})
    assert source.differences(SOURCE) == ("kratos: the database is missing",)


def test_all_differences_are_said_at_once() -> None:
    """The operator sees the extent of the damage, not its first line."""
    restored = PostgresqlContent(superuser="x", roles={}, preload="", databases=())
    assert SOURCE.differences(restored) == (
        "role alt_db_user is missing",
        "role reader is missing",
        "alt: the database is missing",
    )


@pytest.mark.parametrize(
    ("recorded", "restored", "equal"),
    [
        ((10, True, 1), (10, True, 1), True),
        ((10, True, 1), (12, True, 1), True),  # taken before the dump, so it may be further on
        ((10, True, 1), (9, True, 1), False),
        ((10, True, 1), (10, False, 1), False),  # would hand out 10 a second time
        ((10, False, 1), (10, False, 1), True),
        ((10, False, 1), (9, True, 1), True),  # both hand out 10 next
        ((1, False, 1), (1, True, 1), True),
        ((-10, True, -1), (-10, True, -1), True),
        ((-10, True, -1), (-12, True, -1), True),
        ((-10, True, -1), (-9, True, -1), False),
        ((-10, True, -1), (10, True, -1), False),
        ((100, True, 50), (100, False, 50), False),
    ],
)
def test_a_sequence_may_only_be_further_on(
    recorded: tuple[int, bool, int], restored: tuple[int, bool, int], equal: bool
) -> None:
    """In its own direction; a value that was handed out must not be handed out again."""
    difference = _sequence(recorded).difference(_sequence(restored))
    assert (difference is None) is equal
    if difference:
        assert difference.startswith("sequence ids goes on at ")


def _sequence(values: tuple[int, bool, int]) -> Sequence:
    last_value, is_called, increment = values
    return Sequence(name="ids", last_value=last_value, is_called=is_called, increment=increment)


def test_the_table_of_a_drill_has_a_line_per_relation() -> None:
    """What was recorded, what came back, and whether all of it is equal."""
    changed = USERS.model_copy(update={"content": "9"})
    lines = SOURCE.compared(_with(relations=(changed,)))
    assert lines == (
        Compared(name='alt."public"."users"', recorded=3, restored=3, equal=False),
        Compared(name='alt."public"."empty"', recorded=0, restored=None, equal=False),
    )
    assert all(line.equal for line in SOURCE.compared(SOURCE))


def test_what_there_is_is_counted() -> None:
    """Databases, relations, rows and roles."""
    assert SOURCE.counts() == {"databases": 1, "relations": 2, "rows": 3, "roles": 2}
