"""A server that surely fits is restored in memory; what did not fit after all is no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql.throwaway import fits_in_memory
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DrillError, ServiceVanished, ToolError, ToolFailed
from tests.fakes.platform import Answer, FakePlatform
from tests.fakes.postgresql import ROWS, Server, script
from tests.fakes.site import Machine

MIB = 1 << 20
SIZES = {"pg_database_size": [{"name": "alt", "bytes": 100 * MIB}]}
FULL = 'could not extend file "base/5/1259": No space left on device'


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    server = Server(tmp_path / "dump")
    script(server.place, ROWS | SIZES)
    script(server.platform.target)
    for program in ("initdb", "tee", "pg_ctl", "pg_restore"):
        server.platform.target.script(program)
    server.platform.memory_bytes = 512 * MIB
    return server


@pytest.fixture(name="record")
def _record(server: Server, machine: Machine) -> DumpRecord:
    dumped = server.dump()
    changes = {
        "content": dumped.content,
        "runtime": dumped.runtime,
        "service": "db",
        "data_bytes": dumped.data_bytes,
    }
    return machine.dump().record.model_copy(update=changes)


def _settings(platform: FakePlatform) -> bytes:
    return next(call.stdin for call in platform.target.calls if call.argv[0] == "tee")


def test_the_size_of_the_live_data_is_recorded(record: DumpRecord) -> None:
    """All its databases, indexes included: a restored one is not larger."""
    assert record.data_bytes == 100 * MIB


def test_a_size_nobody_knows_is_not_made_up(server: Server) -> None:
    """A database that is not in the answer is not one of 0 bytes."""
    script(server.place, ROWS | {"pg_database_size": []})
    assert server.dump().data_bytes is None


def test_what_fits_is_restored_in_memory(server: Server, record: DumpRecord) -> None:
    """With a write-ahead log that has its place there too."""
    assert postgresql.rehearse(record, server.directory, server.platform) == record.content
    assert server.platform.thrown_in_memory == [True]
    assert b"max_wal_size = '256MB'" in _settings(server.platform)


@pytest.mark.parametrize(
    ("data_bytes", "memory_bytes", "fits"),
    [
        (100 * MIB, 512 * MIB, True),
        (100 * MIB, 400 * MIB, False),
        (300 * MIB, 512 * MIB, False),
        (None, 512 * MIB, False),
        (0, 0, False),
    ],
    ids=["fits", "less memory", "more data", "an old dump", "no memory"],
)
def test_what_may_not_fit_is_restored_on_the_disk(
    server: Server,
    record: DumpRecord,
    data_bytes: int | None,
    memory_bytes: int,
    fits: bool,
) -> None:
    """Neither is a dump from before the size was recorded."""
    server.platform.memory_bytes = memory_bytes
    sized = record.model_copy(update={"data_bytes": data_bytes})
    assert fits_in_memory(server.platform, sized) is fits
    assert postgresql.rehearse(sized, server.directory, server.platform) == record.content
    assert server.platform.thrown_in_memory == [fits]
    assert (b"max_wal_size = '4096MB'" in _settings(server.platform)) is not fits


@pytest.mark.parametrize("program", ["initdb", "pg_ctl", "pg_restore"])
@pytest.mark.parametrize(
    "said", [FULL, "out of memory", "server closed the connection unexpectedly"]
)
def test_what_lacked_memory_is_restored_on_the_disk(
    server: Server, record: DumpRecord, program: str, said: str
) -> None:
    """It was too small after all: the disk decides, in a target of its own."""
    target = server.platform.target
    target.script(program, answers=[Answer(exit_code=1, stderr=said), Answer()])
    assert postgresql.rehearse(record, server.directory, server.platform) == record.content
    assert server.platform.thrown_in_memory == [True, False]
    assert server.platform.open_targets == 0


def test_a_disk_that_is_full_too_is_a_failure(server: Server, record: DumpRecord) -> None:
    """There is no third try."""
    server.platform.target.script("pg_restore", answers=[Answer(exit_code=1, stderr=FULL)])
    with pytest.raises(DrillError, match="No space left on device"):
        postgresql.rehearse(record, server.directory, server.platform)
    assert server.platform.thrown_in_memory == [True, False]


@pytest.mark.parametrize(
    ("program", "answer", "error"),
    [
        ("pg_restore", Answer(exit_code=1, stderr="role reader does not exist"), DrillError),
        ("pg_restore", Answer(vanish=True), DrillError),
        ("initdb", Answer(exit_code=1, stderr="no such locale"), ToolFailed),
        ("initdb", Answer(too_slow=True), ToolError),
        ("pg_ctl", Answer(vanish=True), ServiceVanished),
    ],
    ids=["another error", "vanished in a database", "no server", "too slow", "vanished"],
)
def test_any_other_failure_is_final(
    server: Server, record: DumpRecord, program: str, answer: Answer, error: type[Exception]
) -> None:
    """Memory is not what it lacked: it fails as on the disk, and at once."""
    server.platform.target.script(program, answers=[answer, Answer()])
    with pytest.raises(error):
        postgresql.rehearse(record, server.directory, server.platform)
    assert server.platform.thrown_in_memory == [True]


def test_other_content_in_memory_is_a_difference(server: Server, record: DumpRecord) -> None:
    """Nothing is tried again until it is equal."""
    other = [{**ROWS["FROM ONLY"][0], "rows": 2}]
    script(server.platform.target, ROWS | {"FROM ONLY": other})
    content = postgresql.rehearse(record, server.directory, server.platform)
    assert content != record.content
    assert server.platform.thrown_in_memory == [True]
