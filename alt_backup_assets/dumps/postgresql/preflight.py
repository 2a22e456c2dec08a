"""What must be so before a dump is loaded into a running server; nothing is touched here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.postgresql import fingerprint, roles
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.postgresql.files import GLOBALS
from alt_backup_assets.dumps.postgresql.psql import Psql
from alt_backup_assets.dumps.postgresql.roles import LiveRoles
from alt_backup_assets.dumps.postgresql.server import MAINTENANCE, Server
from alt_backup_assets.errors import RestoreRefused

_EXTENSIONS = "SELECT name FROM pg_catalog.pg_available_extensions"
_DATABASES = "SELECT datname AS name FROM pg_catalog.pg_database"


@dataclass(frozen=True)
class Plan:
    """What is loaded where.

    Attributes:
        recorded: The dump's content.
        live: What the server has of roles and tablespaces.
        existing: Every database of the server.
        targets: The database each recorded one is loaded into.
    """

    recorded: PostgresqlContent
    live: LiveRoles
    existing: frozenset[str]
    targets: dict[str, str]


def plan(loading: Loading, server: Server) -> Plan:
    """Look at dump and server.

    Raises:
        RestoreRefused: They do not fit; the message says what to do.
        ToolError: The server did not answer.
    """
    recorded = loading.record.content
    name = loading.volume.name
    if not isinstance(recorded, PostgresqlContent):
        raise RestoreRefused(f"{name}: the record is not of a PostgreSQL dump")
    databases = [database.name for database in recorded.databases]
    if loading.into is not None and len(databases) != 1:
        raise RestoreRefused(
            f"{name}: the dump holds {', '.join(databases)}: only one database can be loaded into"
            " another; leave `into` out"
        )
    with server.connection(MAINTENANCE) as psql:
        facts = fingerprint.server(psql)
        _require_version(name, loading.record.server_version, facts["version"])
        _require_extensions(name, recorded, psql)
        live = roles.live_roles(psql, facts["superuser"])
        existing = frozenset(row["name"] for row in psql.rows(_DATABASES))
    _require_tablespaces(loading, live)
    if loading.into in existing:
        _require_empty(server, loading)
    targets = {database: loading.into or database for database in databases}
    return Plan(recorded, live, existing, targets)


def _require_version(volume: str, recorded: str, found: str) -> None:
    majors = [re.match(r"\d+", version) for version in (recorded, found)]
    if majors[0] is None or majors[1] is None or int(majors[1][0]) < int(majors[0][0]):
        raise RestoreRefused(
            f"{volume}: the dump is of PostgreSQL {recorded} and the server is {found}: load it"
            " into a server of the same major version or a newer one"
        )


def _require_extensions(volume: str, recorded: PostgresqlContent, psql: Psql) -> None:
    needed = {name for database in recorded.databases for name in database.extensions}
    missing = needed - {row["name"] for row in psql.rows(_EXTENSIONS)}
    if missing:
        raise RestoreRefused(
            f"{volume}: the server has no extension {', '.join(sorted(missing))}: install what it"
            " comes with, then restore again"
        )


def _require_tablespaces(loading: Loading, live: LiveRoles) -> None:
    script = (loading.directory / GLOBALS).read_text()
    if missing := roles.missing_tablespaces(script, live):
        raise RestoreRefused(
            f"{loading.volume.name}: the server lacks tablespaces: make their directories and run"
            f" this, its owner left out where that role is not there yet: {' '.join(missing)}"
        )


def _require_empty(server: Server, loading: Loading) -> None:
    with server.connection(str(loading.into)) as psql:
        if not fingerprint.is_empty(psql):
            raise RestoreRefused(
                f"{loading.volume.name}: the database {loading.into} has something in it: choose a"
                " new name, or drop that database first"
            )
