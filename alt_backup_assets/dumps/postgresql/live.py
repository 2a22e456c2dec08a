"""Loading a dump into a running PostgreSQL server: each database whole, or as it was.

Source: SPEC section 9; PostgreSQL manual, pg_restore (``--clean``, ``--single-transaction``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.postgresql import database, fingerprint, roles
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, Hashing, PostgresqlContent
from alt_backup_assets.dumps.postgresql.files import GLOBALS, archive_name
from alt_backup_assets.dumps.postgresql.preflight import Plan, plan
from alt_backup_assets.dumps.postgresql.server import MAINTENANCE, Server
from alt_backup_assets.dumps.upload import upload
from alt_backup_assets.errors import PlatformError, RestoreFailed, ToolError
from alt_backup_assets.tools import postgresql


def load(loading: Loading) -> PostgresqlContent:
    """Load roles and databases of a dump, and take the content of what was loaded.

    Each database is replaced in one transaction. What the dump does not know stays and shows
    as a difference. The bootstrap superuser is not touched where it has the recorded name, so
    it counts as it was recorded: its password in use is the one that let us in.

    Args:
        loading: The dump, and the running server.

    Returns:
        What the server holds of the recorded roles and databases, taken as for a dump.

    Raises:
        RestoreRefused: The server is older than the dump, lacks extensions or tablespaces, or
            the other database has something in it. Nothing was touched.
        RestoreFailed: The message says which databases were replaced.
    """
    server = Server(loading.service, loading.volume)
    server.end_leftovers()
    planned = plan(loading, server)
    try:
        _bring_roles(loading, server, planned)
    except (ToolError, PlatformError) as error:
        raise RestoreFailed(
            f"{loading.volume.name}: no database was replaced, and the roles stay as they were,"
            f" unless the server lost us at its very end: {error}"
        ) from error
    _load_databases(loading, server, planned)
    try:
        return _content(server, planned)
    except (ToolError, PlatformError) as error:
        raise RestoreFailed(
            f"{loading.volume.name}: replaced: {', '.join(planned.targets.values())}; but what they"
            f" hold now could not be compared: {error}"
        ) from error


def _bring_roles(loading: Loading, server: Server, planned: Plan) -> None:
    script = roles.for_live(
        (loading.directory / GLOBALS).read_text(),
        planned.live,
        recorded_superuser=planned.recorded.superuser,
        user=server.user,
    )
    # Terse: psql would show the statement that went wrong, and there is a verifier in it.
    argv = [*postgresql.psql(server.user, MAINTENANCE), "-v", "VERBOSITY=terse"]
    said = server.run(argv, stdin=script.encode())
    if roles.DONE.encode() not in said.splitlines():
        raise ToolError("psql did not come to the end of the roles' script")


def _load_databases(loading: Loading, server: Server, planned: Plan) -> None:
    replaced: list[str] = []
    hashes = {artifact.path: artifact.sha256 for artifact in loading.record.artifacts}
    name = f"load-{loading.record.platform}-{loading.record.volume}"
    with _told(loading, server, replaced), upload(server.service, name) as place:
        for source, target in planned.targets.items():
            name = archive_name(source)
            with place.file(loading.directory / name, hashes[name]) as path:
                _load_database(loading, server, planned, (source, target), path)
            replaced.append(target)


@contextmanager
def _told(loading: Loading, server: Server, replaced: list[str]) -> Iterator[None]:
    """Say which databases were replaced before something went wrong."""
    try:
        yield
    except (ToolError, PlatformError, RestoreFailed) as error:
        server.abandon()
        done = ", ".join(replaced) or "none"
        raise RestoreFailed(
            f"{loading.volume.name}: replaced: {done}; every other database is as it was, unless"
            f" the server lost us at its very end: {error}"
        ) from error


def _load_database(
    loading: Loading, server: Server, planned: Plan, names: tuple[str, str], path: str
) -> None:
    source, target = names
    definition = database.definition(server, source, path)
    is_new = target not in planned.existing
    if is_new:
        database.create(server, definition, target)
    try:
        if is_new:
            database.set_owner(server, definition, target)
        server.end_connections(target)
        clean = not is_new and loading.into is None
        server.run(postgresql.pg_restore_into(server.user, target, path, clean=clean))
        if loading.into is None:
            database.set_properties(server, definition)
    except (ToolError, PlatformError):
        if is_new:
            with suppress(ToolError, PlatformError):
                server.abandon()
                database.drop(server, target)
        raise


def _content(server: Server, planned: Plan) -> PostgresqlContent:
    recorded = planned.recorded
    with server.connection(MAINTENANCE) as psql:
        facts = fingerprint.server(psql)
        found = fingerprint.roles(psql)
    roles = {name: found[name] for name in recorded.roles if name in found}
    if facts["superuser"] == recorded.superuser:
        roles[recorded.superuser] = recorded.roles[recorded.superuser]
    return PostgresqlContent(
        superuser=facts["superuser"],
        preload=facts["preload"],
        roles=roles,
        databases=tuple(
            _database_content(server, planned.targets[d.name], d.hashing).model_copy(
                update={"name": d.name}
            )
            for d in recorded.databases
        ),
    )


def _database_content(server: Server, database: str, hashing: Hashing) -> DatabaseContent:
    with server.snapshot(database) as (psql, snapshot, sequences):
        return server.content(psql, database, snapshot, sequences, hashing=hashing)
