"""Volumes of Grafana, on a real SQLite: copied while it is written to, and damage always shows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.grafana import database, driver
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.record import DumpRecord, artifact_differences
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.registry.volume import Volume
from tests.fakes.platform import FakePlatform
from tests.fakes.site import Machine
from tests.grafana import OWNER, facts, make_grafana

VOLUME = Volume(name="grafana_data", service="grafana", engine="grafana", category="metrics")


@dataclass
class Bench:
    """A volume on the disk, and an empty directory for its dump."""

    source: Path
    directory: Path
    platform: FakePlatform

    @property
    def tree(self) -> Path:
        """Where the dump has the files."""
        return self.directory / "files"

    def dump(self) -> Dumped:
        """Take the dump."""
        return driver.dump(VOLUME, self.platform, self.directory)

    def change(self, *statements: str, copied: bool = True) -> None:
        """Change the copy, or else the source."""
        path = (self.tree if copied else self.source) / "grafana.db"
        with closing(sqlite3.connect(path)) as changed:
            for statement in statements:
                changed.execute(statement)
            changed.commit()


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    platform = FakePlatform()
    source = platform.volumes[VOLUME.name] = tmp_path / "volume"
    make_grafana(source)
    (tmp_path / "dump").mkdir()
    return Bench(source, tmp_path / "dump", platform)


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump().record


def differences(bench: Bench, dumped: Dumped, record: DumpRecord) -> tuple[str, ...]:
    """Rehearse what is in the directory now and compare."""
    assert isinstance(dumped.content, Inventory)
    return dumped.content.differences(driver.rehearse(record, bench.directory, bench.platform))


def test_the_copy_is_the_source(bench: Bench, record: DumpRecord) -> None:
    """Rows, other files, owners and modes; every table and the dashboards are counted."""
    dumped = bench.dump()
    assert differences(bench, dumped, record) == ()
    assert facts(bench.tree) == facts(bench.source)
    assert isinstance(dumped.content, Inventory)
    counts = {item.name: item.count for item in dumped.content.items}
    assert (counts["dashboards"], counts["table dashboard"], counts["table user"]) == (12, 13, 2)
    assert "file plugins/a-panel/install.log" in counts
    record = record.model_copy(update={"artifacts": dumped.artifacts})
    assert artifact_differences(record, bench.directory) == ()
    assert "files/grafana.db" in {artifact.path for artifact in dumped.artifacts}
    if os.geteuid() == 0:
        assert (bench.tree / "grafana.db").stat().st_uid == OWNER
    assert dumped.runtime is None


def test_no_value_is_in_the_record(bench: Bench) -> None:
    """A password is part of a hash only."""
    dumped = bench.dump()
    assert "protects-nothing" not in dumped.content.model_dump_json()


@pytest.fixture(name="writer")
def _writer(bench: Bench) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(bench.source / "grafana.db", isolation_level=None)) as writer:
        yield writer


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_what_is_not_committed_is_not_copied(
    bench: Bench, record: DumpRecord, writer: sqlite3.Connection, mode: str
) -> None:
    """What is in the write-ahead log is; SQLite's own side files are not in the dump."""
    writer.execute(f"PRAGMA journal_mode = {mode}")
    writer.execute("INSERT INTO alert_rule (title) VALUES ('committed')")
    writer.execute("BEGIN")
    writer.execute("INSERT INTO alert_rule (title) VALUES ('not yet')")
    dumped = bench.dump()
    writer.execute("ROLLBACK")
    assert isinstance(dumped.content, Inventory)
    counts = {item.name: item.count for item in dumped.content.items}
    assert counts["table alert_rule"] == 1
    assert differences(bench, dumped, record) == ()
    assert [path.name for path in bench.tree.glob("grafana.db*")] == ["grafana.db"]


def test_a_table_that_only_a_module_can_read(bench: Bench, record: DumpRecord) -> None:
    """What a virtual table holds is in tables of its own."""
    bench.change("CREATE VIRTUAL TABLE found USING fts5(text)", copied=False)
    bench.change("INSERT INTO found VALUES ('x')", copied=False)
    dumped = bench.dump()
    assert isinstance(dumped.content, Inventory)
    names = {item.name for item in dumped.content.items}
    assert "table found_content" in names
    assert "table found" not in names
    assert differences(bench, dumped, record) == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM dashboard WHERE id = 3", "table dashboard has 12 rows or bytes, 13 were"),
        ("UPDATE dashboard SET title = 'x' WHERE id = 3", "table dashboard has other content"),
        ("UPDATE data_source SET secure_json_data = X'00'", "table data_source has other"),
        ("DELETE FROM org WHERE id = 2", "table org has 1 rows or bytes, 2 were recorded"),
        ("DROP TABLE alert_rule", "table alert_rule is missing"),
        ("DROP INDEX UQE_user_login", "schema has"),
        ("CREATE TABLE more (id)", "table more was not in the source"),
        ("UPDATE dashboard SET is_folder = 1", "dashboards has 0 rows or bytes, 12 were"),
    ],
)
def test_a_change_in_the_restored_copy(
    bench: Bench, record: DumpRecord, statement: str, said: str
) -> None:
    """A row, a value, a table or an index: it is found and named."""
    dumped = bench.dump()
    bench.change(statement)
    assert any(said in sentence for sentence in differences(bench, dumped, record))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: (tree / "plugins/a-panel/module.js").unlink(), "module.js is missing"),
        (lambda tree: (tree / "plugins/a-panel/module.js").write_text("x"), "module.js has 1"),
        (lambda tree: (tree / "grafana.db").chmod(0o666), "file grafana.db has other content"),
        (lambda tree: (tree / "more").touch(), "file more was not in the source"),
    ],
)
def test_a_change_of_a_file(
    bench: Bench, record: DumpRecord, change: Callable[[Path], object], said: str
) -> None:
    """The files beside the database are compared too."""
    dumped = bench.dump()
    change(bench.tree)
    assert any(said in sentence for sentence in differences(bench, dumped, record))


def _overwrite(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 4096)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "empty \\(0 bytes\\): look at the disk space"),
    "text": (lambda path: path.write_text("no database"), "no SQLite database"),
    "gone": (lambda path: path.unlink(), "is this the volume of Grafana's data directory"),
    "a directory": (_directory, "cannot be read: Is a directory"),
    "cut": (lambda path: os.truncate(path, 4096 * 2), "malformed|damaged"),
    "overwritten": (_overwrite, "malformed|damaged"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_database_is_no_dump(bench: Bench, name: str) -> None:
    """The message says what is wrong and what to do."""
    damage, said = DAMAGE[name]
    damage(bench.source / "grafana.db")
    with pytest.raises(DumpFailed, match=said):
        bench.dump()


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_copy_is_no_proof(bench: Bench, record: DumpRecord, name: str) -> None:
    """SQLite finds it when it opens what came back."""
    damage, said = DAMAGE[name]
    bench.dump()
    damage(bench.tree / "grafana.db")
    with pytest.raises(DumpFailed, match=said):
        driver.rehearse(record, bench.directory, bench.platform)


def test_what_only_the_integrity_check_finds(bench: Bench) -> None:
    """A value that its table must not have is found in the copy, before it counts."""
    bench.change(
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_master SET sql = replace(sql, 'salt TEXT', 'salt TEXT NOT NULL')",
        copied=False,
    )
    with pytest.raises(DumpFailed, match=r"integrity_check: NULL value in user\.salt"):
        bench.dump()


def test_a_database_of_something_else(bench: Bench) -> None:
    """Without dashboards it is not Grafana's, whatever else is right with it."""
    bench.change("DROP TABLE dashboard", copied=False)
    with pytest.raises(DumpFailed, match="no table dashboard: it is not Grafana's"):
        bench.dump()


def test_a_writer_that_never_ends(bench: Bench, writer: sqlite3.Connection) -> None:
    """It is given up after its time, and the remedy is said."""
    writer.execute("BEGIN EXCLUSIVE")
    source, target = bench.source / "grafana.db", bench.directory / "copy"
    with pytest.raises(DumpFailed, match="database is locked: something holds it"):
        database.copy(source, target, timeout_seconds=0.05)
    writer.execute("ROLLBACK")


def test_a_log_that_cannot_be_read_from_here(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log of a stopped Grafana, mounted read-only: what to do is said."""

    def refuse(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(DumpFailed, match="start Grafana, as that does both"):
        bench.dump()


def test_a_file_that_changes_while_it_is_read(
    bench: Bench, record: DumpRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is marked: its content is not compared, the rest is."""
    growing = bench.source / "png" / "growing"
    growing.write_bytes(b"x")
    real = os.fstat

    def grow(descriptor: int) -> os.stat_result:
        if Path(f"/proc/self/fd/{descriptor}").readlink() == growing:
            os.utime(growing, ns=(0, real(descriptor).st_mtime_ns + 1))
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", grow)
    dumped = bench.dump()
    assert dumped.content.counts()["changed_while_read"] == 1
    assert differences(bench, dumped, record) == ()
