"""Each single thing that says a server may hold something else makes its dump be taken anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps.postgresql.standstill import is_unchanged
from alt_backup_assets.dumps.record import DumpRecord, ServerState
from alt_backup_assets.errors import ServiceNotFound, ServiceVanished, ToolFailed
from tests.fakes.platform import Answer
from tests.fakes.postgresql import ROWS, STATE, VOLUME, Server, answers, script
from tests.fakes.records import record_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROLE = {"name": "alt_db_user", "attributes": "t|-"}
SEQUENCE = {"name": '"public"."ids"', "last_value": 7, "is_called": True}
FACTS = {"version": "17.6", "preload": "pg_cron", "superuser": "alt_db_user"}


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    return Server(tmp_path / "dump")


def _record(server: Server, **changes: object) -> DumpRecord:
    return record_of(VOLUME, server.dump(), **changes)


def test_where_nothing_changed_no_dump_is_needed(server: Server) -> None:
    """The state is in the record, read before anything of the dump; nothing is dumped to tell."""
    record = _record(server)
    assert record.server_state == ServerState(**STATE)
    assert server.place.calls[1].stdin.index(b"txid_current_snapshot") < server.place.calls[
        1
    ].stdin.index(b"pg_authid a")
    server.place.calls.clear()
    assert is_unchanged(VOLUME, server.platform, record)
    assert {call.argv[0] for call in server.place.calls} == {"psql"}


@pytest.mark.parametrize(
    "rows",
    [
        {"txid_current_snapshot": [STATE | {"oldest_transaction": 802, "next_transaction": 802}]},
        {"txid_current_snapshot": [STATE | {"system_identifier": "7402"}]},
        {"txid_current_snapshot": [STATE | {"timeline": 2}]},
        {"txid_current_snapshot": [STATE | {"running_since": "2026-11-23 11:00:00+00"}]},
        {"last_value": [SEQUENCE | {"last_value": 8}]},
        {"last_value": [SEQUENCE | {"is_called": False}]},
        {"seqincrement": []},
        {"pg_authid a": [ROLE | {"attributes": "f|-"}]},
        {"pg_authid a": [ROLE, ROLE | {"name": "reader"}]},
        {"server_version": [FACTS | {"version": "17.7"}]},
        {"server_version": [FACTS | {"preload": ""}]},
    ],
)
def test_whatever_changed_a_dump_is_needed(
    server: Server, rows: dict[str, list[dict[str, Any]]]
) -> None:
    """A transaction, another server, a crash, a sequence, a role, a setting."""
    record = _record(server)
    script(server.place, ROWS | rows)
    assert not is_unchanged(VOLUME, server.platform, record)


@pytest.mark.parametrize(
    "state",
    [
        None,
        ServerState(**STATE | {"oldest_transaction": 800}),
        ServerState(**STATE | {"running_since": None}),
    ],
)
def test_a_record_that_cannot_be_relied_on_needs_a_dump(
    server: Server, state: ServerState | None
) -> None:
    """Of an older version; with a transaction in the air; of a server that tells too little."""
    record = _record(server, server_state=state)
    script(server.place, ROWS | {"txid_current_snapshot": [state.model_dump()] if state else []})
    assert not is_unchanged(VOLUME, server.platform, record)


def test_an_older_versions_record_is_still_read(server: Server) -> None:
    """It has no such field at all."""
    said = _record(server).model_dump(mode="json")
    del said["server_state"]
    assert not is_unchanged(VOLUME, server.platform, DumpRecord.model_validate(said))


def test_another_set_of_databases_needs_a_dump(server: Server) -> None:
    """The operator added one to the registry; the server itself stood still."""
    volume = VOLUME.model_copy(update={"databases": ("alt", "new")})
    assert not is_unchanged(volume, server.platform, _record(server))


def test_a_server_that_does_not_answer_says_nothing(server: Server) -> None:
    """Each way of not answering is an error, and never an unchanged server."""
    record = _record(server)
    server.place.script("psql", answers=[Answer(exit_code=2)])
    with pytest.raises(ToolFailed):
        is_unchanged(VOLUME, server.platform, record)
    server.place.script("psql", answers=[Answer(vanish=True)])
    with pytest.raises(ServiceVanished):
        is_unchanged(VOLUME, server.platform, record)
    server.place.script("psql", answers=[Answer(exit_code=2, reply=answers(ROWS, "last_value"))])
    with pytest.raises(ToolFailed):
        is_unchanged(VOLUME, server.platform, record)
    server.platform.stopped.add("db")
    with pytest.raises(ServiceNotFound):
        is_unchanged(VOLUME, server.platform, record)
