"""The files of a PostgreSQL dump: their names, and the statements of the roles' script."""

from __future__ import annotations

import re

from alt_backup_assets.errors import DumpFailed

GLOBALS = "globals.sql"

# A comment, a command of psql, or a statement; a quoted text may hold anything.
_PART = re.compile(
    r"""\s*+(?:--[^\n]*+(?:\n|\Z)|\\[^\n]*+(?:\n|\Z)"""
    r"""|((?:'[^']*+'|"[^"]*+"|[^'";])++;)|\Z)"""
)
_NAME = r"""("(?:[^"]|"")+"|[^\s"';.]+)"""
CREATE_ROLE = re.compile(rf"CREATE ROLE {_NAME};")
ALTER_ROLE = re.compile(rf"ALTER ROLE {_NAME} ")
CREATE_TABLESPACE = re.compile(rf"CREATE TABLESPACE {_NAME} ")


def archive_name(database: str) -> str:
    """Return the file name of a database's archive."""
    return f"{database.replace('/', '_')}.dump"


def statements(script: str) -> list[str]:
    """Cut what pg_dumpall or pg_restore printed into statements, without comments.

    Raises:
        DumpFailed: It ends in the middle of a statement.
    """
    found, position = [], 0
    while position < len(script):
        part = _PART.match(script, position)
        if part is None:
            raise DumpFailed("a script of the dump ends in the middle of a statement")
        if part[1]:
            found.append(part[1])
        position = part.end()
    return found


def named(pattern: re.Pattern[str], statement: str) -> str | None:
    """Return the name a statement of this kind is about; None for another kind."""
    found = pattern.match(statement)
    if found is None:
        return None
    name = found[1]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
