"""Grafana's volume with a writer at work, from the files to the proof and back: real restic."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.record import RECORD_NAME, read_record
from alt_backup_assets.dumps.tree import TREE, artifacts, read_tree
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.drill import Target, drill, newest_target
from tests.grafana import facts, make_grafana
from tests.planting import plant, restored
from tests.sites import alt_backup, leftovers, make_template, write_site

pytestmark = pytest.mark.integration

VOLUME = "grafana_data"


@pytest.fixture(name="room")
def _room() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ab-") as directory:
        make_grafana(Path(directory) / VOLUME)
        yield Path(directory)


@pytest.fixture(name="template", scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "made", restic_binary)


@pytest.fixture(name="config")
def _config(room: Path, restic_binary: Path, template: Path) -> Path:
    stopped = {"running": ["/bin/false"], "start": ["/bin/true"], "stop": ["/bin/true"]}
    return write_site(
        room / "site",
        platform={
            "kind": "local",
            "name": "this-machine",
            "services": {"grafana": stopped},
            "volumes": {VOLUME: str(room / VOLUME)},
        },
        volumes={VOLUME: {"service": "grafana", "engine": "grafana", "category": "metrics"}},
        restic=restic_binary,
        scratch=room / "scratch",
        template=template,
    )


@pytest.fixture(name="site")
def _site(config: Path) -> Site:
    return open_site(config)


def error_of(site: Site) -> str | None:
    """Back the volume up and return what went wrong."""
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert leftovers(site) == []
    return done.error


def differences(site: Site, target: Target) -> tuple[str, ...]:
    """Drill a snapshot and return what is different."""
    proof = drill(site, target)
    assert proof is not None
    assert (proof.verdict == "PROVEN") is (proof.differences == ())
    assert leftovers(site) == []
    return proof.differences


@contextmanager
def writing(database: Path) -> Iterator[None]:
    """Add a row and change another all the time, as Grafana does."""
    ended, began = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=20)) as live:
            while not ended.is_set():
                live.execute("INSERT INTO alert_rule (title) VALUES ('x')")
                live.execute("UPDATE dashboard SET data = data || 'x' WHERE id = 2")
                live.commit()
                began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert began.wait(timeout=20)
        yield
    finally:
        ended.set()
        writer.join()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_proven_under_a_writer_and_put_back(
    site: Site, config: Path, room: Path, mode: str
) -> None:
    """The copy is of one moment; destroyed, all of it comes back with owners and modes."""
    with closing(sqlite3.connect(room / VOLUME / "grafana.db")) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        with writing(room / VOLUME / "grafana.db"):
            assert error_of(site) is None
    target = newest_target(site, VOLUME)
    assert differences(site, target) == ()
    with restored(site, target) as files:
        before = facts(files / TREE)
    for path in (room / VOLUME).glob("grafana.db*"):
        path.unlink()
    done = alt_backup(config, "restore", VOLUME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert facts(room / VOLUME) == before


def test_one_row_fewer_in_the_repository(site: Site) -> None:
    """It is named, though the record of the file agrees with it."""
    assert error_of(site) is None
    target = newest_target(site, VOLUME)

    def change(copy: Path) -> None:
        with closing(sqlite3.connect(copy / TREE / "grafana.db")) as database:
            database.execute("DELETE FROM dashboard WHERE id = 3")
            database.commit()
        record = read_record(copy)
        record = record.model_copy(update={"artifacts": artifacts(read_tree(copy / TREE))})
        (copy / RECORD_NAME).write_text(record.model_dump_json())

    with restored(site, target) as files:
        damaged = plant(site, target, files, change, hashes=False)
    said = "\n".join(differences(site, damaged))
    assert "table dashboard has 12 rows or bytes, 13 were recorded" in said
    assert "dashboards has 11 rows or bytes, 12 were recorded" in said


def test_an_emptied_database_is_red_and_the_last_good_dump_stays(site: Site, room: Path) -> None:
    """A full disk leaves 0 bytes: the message says so, and the good snapshot stays the newest."""
    assert error_of(site) is None
    good = newest_target(site, VOLUME)
    (room / VOLUME / "grafana.db").write_bytes(b"")
    assert "empty (0 bytes): look at the disk space" in str(error_of(site))
    assert newest_target(site, VOLUME) == good
