"""Several databases of one server come back side by side, and each has its own end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DrillError, ServiceVanished, ToolFailed
from tests.fakes.platform import Answer, Call
from tests.fakes.postgresql import VOLUME, Server, script
from tests.fakes.site import Machine

NAMES = ("alt", "kratos", "recap", "rag")


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    return Server(tmp_path / "dump")


@pytest.fixture(name="record")
def _record(server: Server, machine: Machine) -> DumpRecord:
    dumped = server.dump(VOLUME.model_copy(update={"databases": NAMES}))
    script(server.platform.target)
    for program in ("initdb", "tee", "pg_ctl"):
        server.platform.target.script(program)
    changes = {"content": dumped.content, "runtime": dumped.runtime, "service": "db"}
    return machine.dump().record.model_copy(update=changes)


def _rehearse(
    server: Server, record: DumpRecord, effect: Callable[[str], object]
) -> PostgresqlContent:
    """Rehearse, with something happening whenever a database is loaded, by its name."""

    def load(call: Call) -> None:
        effect(Path(call.argv[-1]).stem)

    server.platform.target.script("pg_restore", answers=[Answer(effect=load)])
    return postgresql.rehearse(record, server.directory, server.platform)


def _fail(*names: str) -> Callable[[str], None]:
    def effect(name: str) -> None:
        if name in names:
            raise ToolFailed(f"pg_restore exited with 1: no room for {name}", 1)

    return effect


def test_all_come_back_in_one_server(server: Server, record: DumpRecord) -> None:
    """Every one of them, in the order of the record, whichever was loaded first."""
    loaded: list[str] = []
    content = _rehearse(server, record, loaded.append)
    assert content == record.content
    assert tuple(database.name for database in content.databases) == NAMES
    assert sorted(loaded) == sorted(NAMES)
    assert len(server.platform.thrown) == 1


def test_two_are_loaded_at_a_time(server: Server, record: DumpRecord) -> None:
    """Neither waits for the other; four of them side by side would need the memory of four."""
    both = threading.Barrier(2)
    _rehearse(server, record, lambda _name: both.wait(5))


@pytest.mark.parametrize("name", NAMES)
def test_one_that_fails_fails_all_and_is_named(
    server: Server, record: DumpRecord, name: str
) -> None:
    """The others are loaded, and none of them stands for it."""
    with pytest.raises(DrillError) as caught:
        _rehearse(server, record, _fail(name))
    assert str(caught.value) == f"{name}: pg_restore exited with 1: no room for {name}"
    assert server.platform.open_targets == 0


def test_all_that_fail_are_named(server: Server, record: DumpRecord) -> None:
    """One morning's look is enough for both."""
    with pytest.raises(DrillError) as caught:
        _rehearse(server, record, _fail("kratos", "rag"))
    said = str(caught.value)
    assert said.startswith("kratos: pg_restore exited with 1")
    assert "; rag: pg_restore exited with 1" in said


def test_a_server_that_dies_in_the_middle_fails_what_was_not_done(
    server: Server, record: DumpRecord
) -> None:
    """The first came back, and that proves nothing of the rest."""
    done: list[str] = []
    lock = threading.Lock()

    def effect(name: str) -> None:
        with lock:
            done.append(name)
            if len(done) > 1:
                raise ServiceVanished("the throw-away target stopped while pg_restore ran in it")

    with pytest.raises(DrillError) as caught:
        _rehearse(server, record, effect)
    said = str(caught.value)
    assert said.count("the throw-away target stopped") == len(NAMES) - 1
    assert f"{done[0]}: " not in said
    assert server.platform.open_targets == 0


def test_what_is_no_error_of_ours_is_named_too(server: Server, record: DumpRecord) -> None:
    """Its type goes with it."""

    def effect(name: str) -> None:
        if name == "recap":
            raise ValueError("no JSON")

    with pytest.raises(DrillError, match=r"^recap: ValueError: no JSON$"):
        _rehearse(server, record, effect)


def test_an_interrupted_rehearsal_is_no_failure(server: Server, record: DumpRecord) -> None:
    """Ctrl-C is no verdict about a database, and the throw-away target goes."""

    def effect(_name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _rehearse(server, record, effect)
    assert server.platform.open_targets == 0
