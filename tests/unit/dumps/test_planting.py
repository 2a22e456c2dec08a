"""What the engines plant: each says what it changes, and what it cannot plant and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.files import faults as files
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.planters import PLANTERS
from alt_backup_assets.dumps.planting import Sound, flip_byte, make_record_agree
from alt_backup_assets.dumps.postgresql import faults as postgresql
from alt_backup_assets.dumps.record import RECORD_NAME, artifact_differences, read_record
from alt_backup_assets.dumps.redis import faults as redis
from alt_backup_assets.errors import DumpFailed, ToolFailed
from tests.fakes.platform import Answer, FakePlatform
from tests.fakes.postgresql import ARCHIVE, Server, script
from tests.fakes.site import Machine
from tests.unit.dumps.redis.test_driver import RDB, RedisPlace

LOOSE = {"WITH ORDINALITY": [{"name": '"public"."users"'}]}


@pytest.fixture(name="room")
def _room(tmp_path: Path) -> Path:
    (tmp_path / "room").mkdir()
    return tmp_path / "room"


def _postgresql(machine: Machine, directory: Path, **rows: object) -> tuple[Sound, FakePlatform]:
    server = Server(directory)
    dumped = server.dump()
    changes = {"content": dumped.content, "runtime": dumped.runtime, "service": "db"}
    script(server.platform.target, LOOSE if rows.get("loose", True) else {})
    for program in ("initdb", "tee", "pg_ctl", "pg_restore"):
        server.platform.target.script(program)
    record = machine.dump().record.model_copy(update=changes)
    return Sound(record, directory), server.platform


def test_planters_belong_to_drivers() -> None:
    """A fault is planted in what can be dumped, and has a name of its own."""
    assert set(PLANTERS) <= set(DRIVERS)
    names = [fault for planter in PLANTERS.values() for fault in planter.FAULTS]
    assert len(names) == len(set(names))


def test_postgresql_is_dumped_again_before_and_after_each_loss(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """The control, then a row less, then the table less; from one server that is gone then."""
    sound, platform = _postgresql(machine, tmp_path / "dump")
    planting = postgresql.plant(sound, room, platform)
    told = [call.stdin for call in platform.target.calls if b"ORDINALITY" not in call.stdin]
    losses = [said for said in told if said.startswith(b"SET session_replication_role")]
    assert [b"DELETE FROM ONLY" in said for said in losses] == [True, False]
    assert b'DROP TABLE "public"."users" CASCADE' in losses[1]
    assert sorted(path.name for path in room.iterdir()) == [
        "control",
        "row_dropped",
        "table_removed",
    ]
    assert {path.read_bytes() for path in room.iterdir()} == {ARCHIVE}
    assert platform.open_targets == 0
    says = {damage.fault: damage.says for damage in planting.damages}
    assert "has 2 rows, 3 were recorded" in says["row_dropped"]
    assert planting.lacking == {"role_missing": "the server has no role beside its superuser"}


def test_postgresql_without_a_loose_row_says_so(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """Taking out a row that others refer to would prove nothing."""
    sound, platform = _postgresql(machine, tmp_path / "dump", loose=False)
    planting = postgresql.plant(sound, room, platform)
    assert {"row_dropped", "table_removed"} <= set(planting.lacking)
    assert {damage.fault for damage in planting.damages} == {"dump_truncated", "dump_byte_flipped"}


def test_a_role_is_taken_out_of_the_script_whole(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """Its creation and all that names it; roles whose names begin like it stay."""
    sound, platform = _postgresql(machine, tmp_path / "dump")
    roles = sound.record.content.model_copy(update={"roles": {"alt_db_user": "", "app": ""}})
    sound = Sound(sound.record.model_copy(update={"content": roles}), sound.directory)
    script_ = 'CREATE ROLE app;\nCREATE ROLE app2;\nGRANT app2 TO app;\nALTER ROLE "app" WITH X;\n'
    (sound.directory / "globals.sql").write_text(script_)
    planting = postgresql.plant(sound, room, platform)
    (damage,) = (each for each in planting.damages if each.fault == "role_missing")
    damage.change(sound.directory)
    assert (sound.directory / "globals.sql").read_text() == "CREATE ROLE app2;\n"


def test_a_server_that_fails_plants_nothing(machine: Machine, tmp_path: Path, room: Path) -> None:
    """And leaves no target behind."""
    sound, platform = _postgresql(machine, tmp_path / "dump")
    failing = Answer(exit_code=1, stderr="no space")
    platform.target.script("pg_dump", "--format=custom", answers=[failing])
    with pytest.raises(ToolFailed):
        postgresql.plant(sound, room, platform)
    assert platform.open_targets == 0


def _redis(machine: Machine, directory: Path, *items: Item) -> tuple[Sound, FakePlatform]:
    platform = FakePlatform()
    target = platform.target = RedisPlace("throw-away target")
    target.script("cat", answers=[Answer(stdout=RDB)])
    record = machine.dump().record
    content = Inventory(unit="entries", items=items, settings={"dbfilename": "dump.rdb"})
    (directory / "files").mkdir(parents=True)
    (directory / "files" / "dump.rdb").write_bytes(b"sound")
    return Sound(record.model_copy(update={"content": content}), directory), platform


def test_redis_loses_an_entry_of_its_shortest_stream(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """Saved once before it, as the control, and once after it."""
    items = (
        Item(name="db2 stream 'a b'", count=3),
        Item(name="db0 stream 'long'", count=9),
        Item(name="db0 stream 'a b' group 'g' pending", count=1),
        Item(name="db0 stream 'odd\\x00'", count=1),
    )
    sound, platform = _redis(machine, tmp_path / "dump", *items)
    planting = redis.plant(sound, room, platform)
    target = platform.target
    assert isinstance(target, RedisPlace)
    commands = [name for name in target.asked if name in ("SAVE", "SELECT", "XTRIM")]
    assert commands == ["SAVE", "SELECT", "XTRIM", "SAVE"]
    (damage,) = planting.damages
    assert damage.says.endswith("has 2 entries, 3 were recorded$")
    damage.change(sound.directory)
    assert (sound.directory / "files" / "dump.rdb").read_bytes() == RDB


def test_redis_without_a_stream_says_so(machine: Machine, tmp_path: Path, room: Path) -> None:
    """Its control is drilled all the same."""
    sound, platform = _redis(machine, tmp_path / "dump", Item(name="db0 keys", count=3))
    planting = redis.plant(sound, room, platform)
    assert (planting.damages, set(planting.lacking)) == ((), {"stream_shortened"})
    planting.control(sound.directory)


def test_redis_that_does_not_save_plants_nothing(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """An answer other than OK is no copy."""
    sound, platform = _redis(machine, tmp_path / "dump", Item(name="db0 keys", count=3))
    assert isinstance(platform.target, RedisPlace)
    platform.target.replies["SAVE"] = ["busy"]
    with pytest.raises(ToolFailed, match="SAVE was answered with"):
        redis.plant(sound, room, platform)


@pytest.mark.parametrize("engine", sorted(PLANTERS))
def test_a_record_of_another_engine_is_refused(
    engine: str, machine: Machine, tmp_path: Path, room: Path
) -> None:
    """Nobody plants in what he does not understand."""
    other = {"files": Inventory(unit="entries", items=())}.get(engine, FilesContent(entries=()))
    record = machine.dump().record.model_copy(update={"content": other})
    with pytest.raises(DumpFailed, match="is not of"):
        PLANTERS[engine].plant(Sound(record, tmp_path), room, FakePlatform())


def test_a_volume_of_empty_files_says_so(machine: Machine, tmp_path: Path, room: Path) -> None:
    """There is nothing to empty."""
    record = machine.dump().record.model_copy(update={"content": FilesContent(entries=())})
    planting = files.plant(Sound(record, tmp_path), room, FakePlatform())
    assert (planting.damages, set(planting.lacking)) == ((), {"file_zeroed"})


def test_a_record_can_be_made_to_agree(machine: Machine) -> None:
    """A flipped byte shows by its hash; when the record agrees, by nothing in the files."""
    directory = machine.dump().directory
    flip_byte(directory / "data.bin", 2)
    assert len(artifact_differences(read_record(directory), directory)) == 1
    (directory / RECORD_NAME).chmod(0o600)
    make_record_agree(directory)
    assert artifact_differences(read_record(directory), directory) == ()
