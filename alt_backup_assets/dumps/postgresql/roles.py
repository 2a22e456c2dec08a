"""The script that brings a running server's roles to what a dump recorded.

It is made of pg_dumpall's own statements. A role that is there is not made again, and what the
script would not take away is taken away first. Roles the dump does not know stay.

Source: PostgreSQL manual, ALTER ROLE, REVOKE and pg_dumpall (``--globals-only``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from alt_backup_assets.dumps.postgresql.files import (
    ALTER_ROLE,
    CREATE_ROLE,
    CREATE_TABLESPACE,
    named,
    statements,
)
from alt_backup_assets.dumps.postgresql.psql import Psql
from alt_backup_assets.tools.postgresql import identifier

DONE = "the roles are in place"

# The server's own log is not to hold a verifier either.
_QUIET = """\
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
BEGIN;
"""
_ROLES = """
SELECT rolname AS name, rolvaliduntil IS NOT NULL AS expires
FROM pg_catalog.pg_authid WHERE rolname !~ '^pg_'
"""
_MEMBERSHIPS = """
SELECT g.rolname AS role, u.rolname AS member, o.rolname AS grantor
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_authid g ON g.oid = m.roleid
JOIN pg_catalog.pg_authid u ON u.oid = m.member
JOIN pg_catalog.pg_authid o ON o.oid = m.grantor
"""
_TABLESPACES = "SELECT spcname AS name FROM pg_catalog.pg_tablespace"
_LOCATION = re.compile(r" LOCATION E?'[^']*'(?:'[^']*')*;\Z")


@dataclass(frozen=True)
class LiveRoles:
    """What a running server has before its roles are brought back.

    Attributes:
        superuser: Its bootstrap superuser, which stays as it is.
        expires: Whether each role has an end date, by its name.
        memberships: Rows of role, member and grantor.
        tablespaces: The names of its tablespaces.
    """

    superuser: str
    expires: dict[str, bool]
    memberships: tuple[dict[str, Any], ...]
    tablespaces: frozenset[str]


def live_roles(psql: Psql, superuser: str) -> LiveRoles:
    """Ask a server for its roles."""
    return LiveRoles(
        superuser=superuser,
        expires={row["name"]: row["expires"] for row in psql.rows(_ROLES)},
        memberships=tuple(psql.rows(_MEMBERSHIPS)),
        tablespaces=frozenset(row["name"] for row in psql.rows(_TABLESPACES)),
    )


def missing_tablespaces(script: str, live: LiveRoles) -> list[str]:
    """Return the statements for the tablespaces that a server does not have."""
    found = ((statement, named(CREATE_TABLESPACE, statement)) for statement in statements(script))
    return [statement for statement, name in found if name and name not in live.tablespaces]


def for_live(script: str, live: LiveRoles, *, recorded_superuser: str, user: str) -> str:
    """Return the statements that bring roles back, in one transaction that says ``DONE``.

    Args:
        script: The dump's ``globals.sql``.
        live: What the server has.
        recorded_superuser: The bootstrap superuser of the dump. Where the server's has its
            name, nothing about that role is changed.
        user: Who connects; it never loses its own superuser right.
    """
    parts = statements(script)
    created = [name for part in parts if (name := named(CREATE_ROLE, part))]
    kept = live.superuser if live.superuser == recorded_superuser else None
    existing = [name for name in created if name in live.expires and name != kept]
    lines = [line for name in existing for line in _reset(name, live)]
    lines += [
        _adapted(part, live, recorded_superuser, user)
        for part in parts
        if not _is_left_out(part, live, kept)
    ]
    return "\n".join((_QUIET, *lines, "COMMIT;", f"SELECT '{DONE}';", ""))


def for_throwaway(script: str, superuser: str) -> str:
    """Return the statements for a throw-away server, which has its superuser already.

    Its tablespaces are inside its own data directory, whatever disk the source has them on.
    Source: PostgreSQL manual, ``allow_in_place_tablespaces`` (PostgreSQL 15; later also in the
    older majors).
    """
    parts = [part for part in statements(script) if named(CREATE_ROLE, part) != superuser]
    in_place = [
        _LOCATION.sub(" LOCATION '';", part) if named(CREATE_TABLESPACE, part) else part
        for part in parts
    ]
    inside = ["SET allow_in_place_tablespaces = on;"] if in_place != parts else []
    return "\n".join((*inside, *in_place, ""))


def _reset(name: str, live: LiveRoles) -> list[str]:
    """Take from a role what pg_dumpall's statements would leave in place."""
    role = identifier(name)
    forever = " VALID UNTIL 'infinity'" if live.expires[name] else ""
    return [
        f"ALTER ROLE {role} CONNECTION LIMIT -1 PASSWORD NULL{forever};",
        f"ALTER ROLE {role} RESET ALL;",
        *(
            f"REVOKE {identifier(row['role'])} FROM {role}"
            f" GRANTED BY {identifier(row['grantor'])} CASCADE;"
            for row in live.memberships
            if row["member"] == name
        ),
    ]


def _is_left_out(part: str, live: LiveRoles, kept: str | None) -> bool:
    created = named(CREATE_ROLE, part)
    if created is not None:
        return created in live.expires
    if kept is not None and named(ALTER_ROLE, part) == kept:
        return True
    return named(CREATE_TABLESPACE, part) is not None


def _adapted(part: str, live: LiveRoles, recorded_superuser: str, user: str) -> str:
    if named(ALTER_ROLE, part) == user:
        return part.replace(" WITH NOSUPERUSER ", " WITH SUPERUSER ", 1)
    if part.startswith("GRANT ") and live.superuser != recorded_superuser:
        # Only the bootstrap superuser can stand in for the grantor of the source.
        for spelling in (recorded_superuser, identifier(recorded_superuser)):
            if part.endswith(f" GRANTED BY {spelling};"):
                own = f" GRANTED BY {identifier(live.superuser)};"
                return part.removesuffix(f" GRANTED BY {spelling};") + own
    return part
