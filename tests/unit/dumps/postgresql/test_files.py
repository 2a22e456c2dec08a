"""The statements of a dump's scripts."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.postgresql.files import (
    ALTER_ROLE,
    CREATE_ROLE,
    archive_name,
    named,
    statements,
)
from alt_backup_assets.errors import DumpFailed

SCRIPT = """\
--
-- User Config "it's"
--
\\restrict abc'
CREATE ROLE "semi;colon";
COMMENT ON ROLE a IS 'two
-- lines; it''s
CREATE ROLE b;';
ALTER ROLE a SET x TO E'back\\\\slash';
\\unrestrict abc
-- the end"""


def test_statements_are_cut_where_they_end() -> None:
    """Not inside a quoted text, and comments and commands of psql are none."""
    assert statements(SCRIPT) == [
        'CREATE ROLE "semi;colon";',
        "COMMENT ON ROLE a IS 'two\n-- lines; it''s\nCREATE ROLE b;';",
        "ALTER ROLE a SET x TO E'back\\\\slash';",
    ]
    assert statements("") == []


@pytest.mark.parametrize("cut", ["CREATE ROLE a", "CREATE ROLE a; x 'half", 'x "half;'])
def test_a_script_that_ends_inside_a_statement_is_refused(cut: str) -> None:
    """Half a statement is never left out silently."""
    with pytest.raises(DumpFailed, match="in the middle of a statement"):
        statements(cut)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE ROLE alt;", "alt"),
        ('CREATE ROLE "a ""b"" é";', 'a "b" é'),
        ("ALTER ROLE alt WITH LOGIN;", None),
        ("COMMENT ON ROLE x IS 'CREATE ROLE alt;';", None),
    ],
)
def test_a_role_is_known_by_the_statement_that_makes_it(statement: str, name: str | None) -> None:
    """Quoted or not, and only at its beginning."""
    assert named(CREATE_ROLE, statement) == name


def test_the_role_of_a_change_is_known() -> None:
    """A name that is the beginning of another one is not it."""
    assert named(ALTER_ROLE, "ALTER ROLE alt_user WITH LOGIN;") == "alt_user"


def test_an_archive_has_a_name_without_a_slash() -> None:
    """Whatever the database is called."""
    assert archive_name("a/b") == "a_b.dump"
