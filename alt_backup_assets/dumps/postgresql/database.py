"""A database itself, as an archive defines it: created, dropped, given its properties.

pg_restore does this only together with everything else, and not in one transaction; so its
own statements are taken from what it prints.

Source: PostgreSQL manual, pg_restore ``--create``; CREATE DATABASE cannot run in a transaction.
"""

from __future__ import annotations

import re

from alt_backup_assets.dumps.postgresql.files import statements
from alt_backup_assets.dumps.postgresql.server import MAINTENANCE, Server
from alt_backup_assets.errors import RestoreFailed
from alt_backup_assets.tools import postgresql
from alt_backup_assets.tools.postgresql import identifier

_OWNER = re.compile(r" OWNER TO [^;]+;\Z")


def definition(server: Server, database: str, path: str) -> list[str]:
    """Return the statements that make a database what it is, its creation first.

    Args:
        server: Where the archive is.
        database: Its recorded name.
        path: The archive's path in the service.

    Raises:
        RestoreFailed: The archive does not say how its database was created.
    """
    printed = server.run(postgresql.pg_restore_definition(path)).decode()
    quoted = {re.escape(database), re.escape(identifier(database))}
    name = f"(?:{'|'.join(sorted(quoted))})"
    about = re.compile(
        rf"(?:(?:CREATE|ALTER|COMMENT ON) DATABASE {name} |ALTER ROLE .+ IN DATABASE {name} "
        rf"|(?:GRANT|REVOKE) [A-Z, ]+ ON DATABASE {name} )"
    )
    found = [statement for statement in statements(printed) if about.match(statement)]
    if not found or not found[0].startswith("CREATE "):
        raise RestoreFailed(f"the archive does not say how {database} was created")
    return found


def create(server: Server, statements_: list[str], target: str) -> None:
    """Create a database under a name of its own, with the recorded encoding and locale."""
    after = statements_[0].index(" WITH ")
    _tell(server, f"CREATE DATABASE {identifier(target)}{statements_[0][after:]}\n")


def set_owner(server: Server, statements_: list[str], target: str) -> None:
    """Give a database of a name of its own to the recorded owner."""
    for statement in statements_:
        if owner := _OWNER.search(statement):
            _tell(server, f"ALTER DATABASE {identifier(target)}{owner[0]}\n")


def drop(server: Server, target: str) -> None:
    """Drop a database that was created for nothing."""
    _tell(server, f"DROP DATABASE IF EXISTS {identifier(target)};\n")


def set_properties(server: Server, statements_: list[str]) -> None:
    """Give a database its recorded owner, settings and rights, in one transaction."""
    _tell(server, "\n".join(("BEGIN;", *statements_[1:], "COMMIT;", "")))


def _tell(server: Server, script: str) -> None:
    server.run(postgresql.psql(server.user, MAINTENANCE), stdin=script.encode())
