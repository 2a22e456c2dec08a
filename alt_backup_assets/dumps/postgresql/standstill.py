"""Whether a PostgreSQL server holds exactly what it held when a dump of it was taken.

Whatever changes rows, schema or roles consumes a transaction id and, when it ends, moves the
upper end of every later snapshot. Two things do not: a sequence hands out most of its values
without one, and a server that crashed empties its unlogged tables, or loses what was committed
and not yet written. So the positions of the sequences and the running server itself are
compared too; one that was restarted is dumped again.

Source: PostgreSQL manual, "Transaction ID and Snapshot Information Functions"; the checkpointer
starts anew with every recovery, also with one that the postmaster survives.
"""

from __future__ import annotations

from alt_backup_assets.dumps.postgresql import fingerprint
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, PostgresqlContent
from alt_backup_assets.dumps.postgresql.psql import Psql
from alt_backup_assets.dumps.postgresql.server import Server
from alt_backup_assets.dumps.record import DumpRecord, ServerState
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

# By their old names, which every major knows, the functions return the same numbers.
_STATE = """
SELECT s.system_identifier::text AS system_identifier, c.timeline_id AS timeline,
       (SELECT min(backend_start)::text FROM pg_catalog.pg_stat_activity
          WHERE backend_type = 'checkpointer') AS running_since,
       pg_catalog.txid_snapshot_xmin(t.now) AS oldest_transaction,
       pg_catalog.txid_snapshot_xmax(t.now) AS next_transaction
FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c,
     (SELECT pg_catalog.txid_current_snapshot() AS now) t
"""


def state(psql: Psql) -> ServerState:
    """Return where the server stands. Call it before anything of a dump is read."""
    (row,) = psql.rows(_STATE)
    return ServerState(**row)


def is_unchanged(volume: Volume, platform: Platform, record: DumpRecord) -> bool:
    """Tell whether a dump taken now would hold what a dump of the volume's server holds.

    Args:
        volume: The registry's entry as it is now.
        platform: Where its service runs.
        record: The dump's record.

    Raises:
        ToolError: The server did not answer.
        PlatformError: The service is not there, or went away.
    """
    content = record.content
    if not isinstance(content, PostgresqlContent) or record.server_state is None:
        return False
    if not record.server_state.is_settled:
        return False
    if tuple(database.name for database in content.databases) != volume.databases:
        return False
    server = Server(platform.service(volume.service), volume)
    with server.connection(volume.databases[0]) as psql:
        if state(psql) != record.server_state or not _same_server(psql, record, content):
            return False
    return all(_same_sequences(server, database) for database in content.databases)


def _same_server(psql: Psql, record: DumpRecord, content: PostgresqlContent) -> bool:
    facts = {
        "version": record.server_version,
        "preload": content.preload,
        "superuser": content.superuser,
    }
    return fingerprint.server(psql) == facts and fingerprint.roles(psql) == content.roles


def _same_sequences(server: Server, database: DatabaseContent) -> bool:
    with server.connection(database.name) as psql:
        return fingerprint.sequences(psql) == database.sequences
