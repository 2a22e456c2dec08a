"""Restoring PostgreSQL into a scripted throw-away server: equal, different, or an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import (
    DrillError,
    DumpFailed,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from tests.fakes.platform import RUNTIME, Answer, FakePlace, FakePlatform
from tests.fakes.postgresql import ARCHIVE, ROWS, Server, script
from tests.fakes.site import Machine


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    return Server(tmp_path / "dump")


def _record(machine: Machine, dumped: Dumped) -> DumpRecord:
    changes = {"content": dumped.content, "runtime": dumped.runtime, "service": "db"}
    return machine.dump().record.model_copy(update=changes)


def _target(platform: FakePlatform, rows: dict[str, list[dict[str, Any]]] = ROWS) -> FakePlace:
    script(platform.target, rows)
    for program in ("initdb", "tee", "pg_ctl", "pg_restore"):
        platform.target.script(program)
    return platform.target


@pytest.fixture(name="record")
def _dumped(server: Server, machine: Machine) -> DumpRecord:
    return _record(machine, server.dump())


def test_a_rehearsal_of_the_same_data_is_equal(server: Server, record: DumpRecord) -> None:
    """Restored with the source's own programs and superuser, and every value came back."""
    _target(server.platform)
    content = postgresql.rehearse(record, server.directory, server.platform)
    assert content == record.content
    assert server.platform.thrown == [("db", RUNTIME, "postgres")]
    assert server.platform.open_targets == 0


def test_a_rehearsal_of_other_data_is_not(server: Server, record: DumpRecord) -> None:
    """A row that did not come back is a difference."""
    _target(server.platform, ROWS | {"FROM ONLY": [{**ROWS["FROM ONLY"][0], "rows": 2}]})
    content = postgresql.rehearse(record, server.directory, server.platform)
    assert isinstance(record.content, PostgresqlContent)
    assert record.content.differences(content) == (
        'alt: "public"."users" has 2 rows, 3 were recorded',
    )


def test_the_server_of_a_rehearsal_is_the_sources_kind(server: Server, record: DumpRecord) -> None:
    """Its superuser, its preloaded libraries, no network, and every step in its order."""
    target = _target(server.platform)
    postgresql.rehearse(record, server.directory, server.platform)
    programs = [call.argv[0] for call in target.calls]
    assert programs[:5] == ["initdb", "tee", "pg_ctl", "psql", "pg_restore"]
    initdb, settings, start, globals_, restore = target.calls[:5]
    assert initdb.argv[initdb.argv.index("--username") + 1] == "alt_db_user"
    assert b"listen_addresses = ''" in settings.stdin
    assert b"shared_preload_libraries = 'pg_cron'" in settings.stdin
    assert "--wait" in start.argv
    assert globals_.env == {"PGHOST": "/work", "PGPORT": "5432"}
    assert target.files[restore.argv[-1]] == ARCHIVE


def test_the_superuser_is_not_made_a_second_time(server: Server, record: DumpRecord) -> None:
    """It is there from the beginning; every other line of the roles has to succeed."""
    target = _target(server.platform)
    postgresql.rehearse(record, server.directory, server.platform)
    script_ = next(call.stdin for call in target.calls if call.argv[0] == "psql")
    assert b"CREATE ROLE alt_db_user;" not in script_
    assert b"ALTER ROLE alt_db_user WITH SUPERUSER LOGIN PASSWORD" in script_
    assert b'CREATE ROLE "reader";' in script_


def test_tablespaces_are_made_inside_the_throwaway_server(
    server: Server, record: DumpRecord
) -> None:
    """The source's disks are not there, and no drill may write to them."""
    target = _target(server.platform)
    with (server.directory / "globals.sql").open("a") as roles:
        roles.write("CREATE TABLESPACE fast OWNER alt LOCATION '/mnt/fast';\n")
    postgresql.rehearse(record, server.directory, server.platform)
    script_ = next(call.stdin for call in target.calls if call.argv[0] == "psql")
    assert b"CREATE TABLESPACE fast OWNER alt LOCATION '';" in script_
    assert b"/mnt/fast" not in script_


@pytest.mark.parametrize("program", ["initdb", "tee", "pg_ctl", "psql", "pg_restore", "pg_dump"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(exit_code=1, stderr="broken"), ToolFailed),
        (Answer(too_slow=True), ToolTimeout),
        (Answer(vanish=True), ServiceVanished),
        (Answer(missing=True), ToolMissing),
    ],
    ids=["exit 1", "too slow", "vanished", "missing"],
)
def test_a_rehearsal_that_fails_anywhere_fails(
    server: Server, record: DumpRecord, program: str, answer: Answer, error: type[Exception]
) -> None:
    """At every step, in every way; and the throw-away target is gone."""
    target = _target(server.platform)
    target.script(program, answers=[answer])
    if program == "pg_dump":
        target.script("pg_dump", "--schema-only", answers=[answer])
    of_a_database = program in {"pg_restore", "pg_dump"}
    with pytest.raises(DrillError if of_a_database else error) as caught:
        postgresql.rehearse(record, server.directory, server.platform)
    assert str(caught.value).startswith("alt: ") is of_a_database
    assert server.platform.open_targets == 0


def test_a_record_that_does_not_say_what_it_ran_on_is_refused(
    server: Server, record: DumpRecord
) -> None:
    """Another version of the programs would prove something else."""
    with pytest.raises(DrillError, match="does not say what the server ran on"):
        postgresql.rehearse(
            record.model_copy(update={"runtime": None}), server.directory, server.platform
        )


def test_a_record_of_another_engine_is_refused(
    server: Server, record: DumpRecord, machine: Machine
) -> None:
    """Nothing is restored that was not dumped by this engine."""
    foreign = record.model_copy(update={"content": machine.dump("token-data").record.content})
    with pytest.raises(DumpFailed, match="is not of a PostgreSQL dump"):
        postgresql.rehearse(foreign, server.directory, server.platform)
    assert server.platform.thrown == []
