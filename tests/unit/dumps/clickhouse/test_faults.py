"""What is planted in a ClickHouse dump: which part is dropped, and what it takes to drop one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from alt_backup_assets.dumps.clickhouse.faults import PART_DROPPED, plant
from alt_backup_assets.dumps.inventory import Inventory, Item
from alt_backup_assets.dumps.planting import Sound
from alt_backup_assets.errors import ServiceVanished, ToolFailed
from alt_backup_assets.platforms.seam import Sink
from alt_backup_assets.tools.clickhouse import Row
from tests.fakes.platform import Answer, FakePlace, FakePlatform
from tests.fakes.site import Machine

SOUND, TAKEN = b"sound", b"taken again"
MANY, FEW = Item(name="table alt.many", count=90), Item(name="table alt.few", count=10)


class ClickHousePlace(FakePlace):
    """A throw-away target whose ``clickhouse local`` has the tables it is told of."""

    def __init__(self, tables: Mapping[str, str], failing: str = "") -> None:
        super().__init__("throw-away target")
        self._tables = tables
        self._failing = failing
        self.asked: list[str] = []
        self.script("tee")
        self.script("cat", answers=[Answer(stdout=TAKEN)])

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Answer a query by itself, and everything else from the script."""
        if argv[0] != "clickhouse":
            return super().run(
                argv, timeout_seconds=timeout_seconds, stdin=stdin, stdout=stdout, env=env
            )
        query = stdin.decode()
        self.asked.append(query)
        if self._failing and query.startswith(self._failing):
            raise ToolFailed(f"{self._failing} was refused", 1)
        return "\n".join(map(json.dumps, self._rows(query))).encode()

    def _rows(self, query: str) -> list[Row]:
        if "system.tables" in query:
            rows = self._tables.items()
            return [{"name": n, "engine": e, "id": f"id-{n}", "made": n} for n, e in rows]
        return [{"name": "all_2_2_0"}, {"name": "all_1_1_0"}] if "system.parts" in query else []


def _sound(machine: Machine, directory: Path, *items: Item) -> Sound:
    directory.mkdir()
    (directory / "alt.tar.gz").write_bytes(SOUND)
    content = Inventory(unit="rows", items=(Item(name="database alt", count=0), *items))
    record = machine.dump().record
    return Sound(record.model_copy(update={"content": content}), directory)


def _platform(place: ClickHousePlace) -> FakePlatform:
    platform = FakePlatform()
    platform.target = place
    return platform


@pytest.fixture(name="room")
def _room(tmp_path: Path) -> Path:
    (tmp_path / "room").mkdir()
    return tmp_path / "room"


def test_the_smallest_table_loses_its_smallest_part(
    machine: Machine, tmp_path: Path, room: Path
) -> None:
    """Backed up once before it, as the control, and once after it; from a database of its own."""
    place = ClickHousePlace({"many": "MergeTree", "few": "MergeTree"})
    platform = _platform(place)
    sound = _sound(machine, tmp_path / "dump", MANY, FEW)
    planting = plant(sound, room, platform)
    done = [query.split()[0] for query in place.asked if not query.startswith("SELECT")]
    assert done == ["RESTORE", "BACKUP", "ALTER", "BACKUP"]
    (dropped,) = (query for query in place.asked if query.startswith("ALTER"))
    assert "`alt_backup_scratch_alt`.`few` DROP PART 'all_2_2_0'" in dropped
    (damage,) = planting.damages
    assert damage.says == r"^table\ alt\.few has \d+ rows, 10 were recorded$"
    for change in (planting.control, damage.change):
        (sound.directory / "alt.tar.gz").write_bytes(SOUND)
        change(sound.directory)
        assert (sound.directory / "alt.tar.gz").read_bytes() == TAKEN
    assert platform.open_targets == 0


@pytest.mark.parametrize(
    ("engine", "item"),
    [
        ("ReplacingMergeTree", FEW),
        ("Log", FEW),
        ("MergeTree", Item(name="table alt.few", count=10, at_most=12)),
        ("MergeTree", Item(name="table alt.few", count=0)),
    ],
    ids=["rows are joined", "no parts", "written to", "empty"],
)
def test_where_a_part_would_not_show_nothing_is_planted(
    machine: Machine, tmp_path: Path, room: Path, engine: str, item: Item
) -> None:
    """It says what is lacking, and the copy stays as it is for its control."""
    place = ClickHousePlace({"few": engine})
    sound = _sound(machine, tmp_path / "dump", item)
    planting = plant(sound, room, _platform(place))
    assert (planting.damages, set(planting.lacking)) == ((), {PART_DROPPED})
    planting.control(sound.directory)
    assert (sound.directory / "alt.tar.gz").read_bytes() == SOUND


@pytest.mark.parametrize("failing", ["RESTORE", "BACKUP", "ALTER"])
def test_a_clickhouse_that_refuses_plants_nothing(
    machine: Machine, tmp_path: Path, room: Path, failing: str
) -> None:
    """Whatever it refuses; and it leaves no target behind."""
    place = ClickHousePlace({"few": "MergeTree"}, failing)
    platform = _platform(place)
    with pytest.raises(ToolFailed, match=f"{failing} was refused"):
        plant(_sound(machine, tmp_path / "dump", FEW), room, platform)
    assert platform.open_targets == 0


def test_a_place_that_vanishes_plants_nothing(machine: Machine, tmp_path: Path, room: Path) -> None:
    """In the middle of an archive too: half of one is no copy."""
    place = ClickHousePlace({"few": "MergeTree"})
    place.script("cat", answers=[Answer(stdout=TAKEN[:3], vanish=True)])
    with pytest.raises(ServiceVanished):
        plant(_sound(machine, tmp_path / "dump", FEW), room, _platform(place))
