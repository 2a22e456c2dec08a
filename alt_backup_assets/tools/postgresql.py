"""PostgreSQL's own programs: their argument lists, and how SQL is quoted.

Holds how they are called, and nothing of what a dump or a drill wants from them.
"""

from __future__ import annotations


def pg_dump(
    user: str, database: str, *, compression: str, snapshot: str | None = None
) -> list[str]:
    """Return the dump command of the decision record's work package 3, in a snapshot where given.

    Source: PostgreSQL manual, pg_dump, ``--snapshot``.
    """
    at = [f"--snapshot={snapshot}"] if snapshot else []
    return [
        "pg_dump",
        "-U",
        user,
        "--format=custom",
        f"--compress={compression}",
        *at,
        database,
    ]


def pg_dump_schema(user: str, database: str, *, snapshot: str | None = None) -> list[str]:
    """Return the command that prints the schema as text."""
    at = [f"--snapshot={snapshot}"] if snapshot else []
    return ["pg_dump", "-U", user, "--schema-only", *at, database]


def pg_dumpall_globals(user: str) -> list[str]:
    """Return the command that prints roles, memberships and password verifiers."""
    return ["pg_dumpall", "-U", user, "--globals-only"]


def pg_restore(user: str, path: str, *, jobs: int) -> list[str]:
    """Return the command that loads an archive, its database created by its own definition.

    ``template1`` is only where it connects first; the database ``postgres`` of a fresh server
    can be replaced this way too.
    """
    return [
        "pg_restore",
        "-U",
        user,
        "--dbname=template1",
        "--create",
        "--clean",
        "--if-exists",
        "--exit-on-error",
        f"--jobs={jobs}",
        path,
    ]


def pg_restore_into(user: str, database: str, path: str, *, clean: bool) -> list[str]:
    """Return the command that loads an archive into a database: all of it, or nothing.

    Args:
        user: Who connects.
        database: An existing database.
        path: The archive.
        clean: Replace what the archive holds; without it the database must not have it.
    """
    replacing = ["--clean", "--if-exists"] if clean else []
    return [
        *("pg_restore", "-U", user, *replacing),
        *("--single-transaction", "--exit-on-error", "-d", database, path),
    ]


def pg_restore_definition(path: str) -> list[str]:
    """Return the command that prints what an archive says of its database as such.

    A schema that nobody has leaves out all that is inside the database.
    """
    return ["pg_restore", "--create", "--schema-only", "-n", " ", "--file=-", path]


def psql(user: str, database: str) -> list[str]:
    """Return a psql that reads statements, stops at the first error and prints bare values."""
    return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database]


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL, whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
