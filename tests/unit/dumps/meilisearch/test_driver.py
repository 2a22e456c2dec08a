"""Dumps of a Meilisearch that goes wrong in every way it can: none may look like a dump."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.meilisearch import archive
from alt_backup_assets.errors import (
    AltBackupError,
    DumpFailed,
    NotEnoughSpace,
    ServiceVanished,
    ToolFailed,
)
from tests.doubles.meilisearch import VERSION
from tests.fakes.platform import RUNTIME, Answer
from tests.unit.dumps.meilisearch.bench import KEY, Bench


def content(bench: Bench) -> Inventory:
    """Dump and return the content."""
    found = bench.dump().content
    assert isinstance(found, Inventory)
    return found


def test_a_dump_is_the_snapshot_with_its_content(bench: Bench) -> None:
    """The file with its hash, counts per index, settings, keys by number only, and no warning."""
    dumped = bench.dump()
    assert [each.path for each in dumped.artifacts] == ["files/snapshots/data.ms.snapshot"]
    assert isinstance(dumped.content, Inventory)
    assert {item.name: item.count for item in dumped.content.items} == {
        "API keys": 2,
        "documents of books": 2,
        "documents of movies": 12,
        "settings of books": 0,
        "settings of movies": 0,
    }
    assert dumped.content.settings == {
        "snapshot": "snapshots/data.ms.snapshot",
        "database": "data.ms",
        "proof": "server",
    }
    assert (dumped.server_version, dumped.runtime, dumped.warnings) == (VERSION, RUNTIME, ())
    said = dumped.content.model_dump_json()
    assert "material-that-nobody-records" not in said
    assert KEY not in said


def test_a_key_that_may_not_list_keys(bench: Bench) -> None:
    """A server without a master key has no keys to count, and is dumped all the same."""
    bench.api.key = None
    assert "API keys" not in {item.name for item in content(bench).items}


def test_indexes_come_in_pages(bench: Bench) -> None:
    """More than a page of them are all there."""
    for number in range(105):
        bench.add(f"i{number:03}", 1)
    for _ in range(220):
        bench.engine.step()
    names = {item.name for item in content(bench).items}
    assert sum(name.startswith("documents of ") for name in names) == 107


def test_what_is_added_meanwhile_is_a_range(bench: Bench) -> None:
    """A task that waits when the snapshot is taken is in it, and is waited for at the source."""

    def add_once(method: str, _path: str) -> None:
        if method == "POST":
            bench.add("movies", 100, 101, 102)

    bench.before = add_once
    (movies,) = (i for i in content(bench).items if i.name == "documents of movies")
    assert (movies.count, movies.at_most) == (12, 15)


def test_an_index_that_goes_away_meanwhile(bench: Bench) -> None:
    """One that was listed and is deleted before it is asked for is no failure."""

    def delete(_method: str, path: str) -> None:
        if path == "/indexes/books/stats" and (found := bench.engine.database.index("books")):
            (bench.source / "data.ms" / "indexes" / found[0] / "data.mdb").unlink()
            (bench.source / "data.ms" / "indexes" / found[0]).rmdir()

    bench.before = delete
    assert "documents of books" not in {item.name for item in content(bench).items}


def test_a_directory_that_goes_away_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is deleted while the database is looked for is no failure."""
    scandir, going = os.scandir, bench.source / "going"

    def delete(path: str | Path | int) -> object:
        if str(path) == str(going):
            going.rmdir()
        return scandir(path)

    going.mkdir()
    monkeypatch.setattr(os, "scandir", delete)
    assert content(bench).settings["database"] == "data.ms"
    assert not going.exists()


def _forget(bench: Bench) -> None:
    (bench.source / "data.ms" / "VERSION").unlink()


def _other_folder(bench: Bench) -> None:
    bench.volume = bench.volume.model_copy(update={"snapshots": "elsewhere"})


def _empty(bench: Bench) -> None:
    for uid, numbers in (("movies", range(12)), ("books", (1, 2))):
        bench.engine.enqueue("documentDeletion", indexUid=uid, delete=list(numbers))
    bench.settle()


def _wrong_key(bench: Bench) -> None:
    assert bench.volume.password_file
    bench.volume.password_file.write_text("never-mind")


FAULTS: dict[str, tuple[type[AltBackupError], str]] = {
    "fail": (DumpFailed, r"failed: No space left on device \(no_space_left_on_device\)"),
    "cancel": (DumpFailed, "was canceled by task 3: run again"),
    "slow": (DumpFailed, r"still enqueued after 0\.2 s: set task_timeout_seconds of meili_data"),
    "forget": (DumpFailed, r"task 2\) is no longer known: was the task deleted"),
    "odd": (DumpFailed, "unknown state 'sleeping'"),
    "gone": (ServiceVanished, "cannot be reached"),
    "html": (ToolFailed, "cut or no JSON object: '<html>'"),
    "no-file": (DumpFailed, "holds no snapshot, though Meilisearch says"),
    "old-file": (DumpFailed, "no new snapshot, only data.ms.snapshot"),
    "cut-file": (DumpFailed, "is not a whole snapshot"),
}
PREPARED: dict[str, tuple[Callable[[Bench], None], type[AltBackupError], str]] = {
    "other volume": (_forget, DumpFailed, "holds no databases named data.ms"),
    "other folder": (_other_folder, DumpFailed, "set `snapshots` of meili_data to where"),
    "empty": (_empty, DumpFailed, "an empty volume never replaces the last good dump"),
    "wrong key": (_wrong_key, ToolFailed, "API key is invalid.; `password_file` must hold"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_a_failure(bench: Bench, fault: str) -> None:
    """Each way a snapshot can go wrong is an error that says what to do."""
    kind, said = FAULTS[fault]
    bench.fault(fault)
    with pytest.raises(kind, match=said) as raised:
        bench.dump()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("name", PREPARED)
def test_what_is_not_as_it_must_be_is_a_failure(bench: Bench, name: str) -> None:
    """A wrong key, a wrong volume, a wrong folder and no data are told with the remedy."""
    prepare, kind, said = PREPARED[name]
    prepare(bench)
    with pytest.raises(kind, match=said) as raised:
        bench.dump()
    assert "never-mind" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/indexes?offset=0&limit=100", {"results": [], "total": 3}, "listed 0 of 3 indexes"),
        ("/indexes?offset=0&limit=100", {"results": 3, "total": 3}, "no list `results`"),
        ("/indexes/books/stats", {"numberOfDocuments": None}, "no number `numberOfDocuments`"),
        ("/snapshots", {"uid": 1}, "no number `taskUid`"),
    ],
)
def test_answers_that_are_cut(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, path: str, answer: dict[str, object], said: str
) -> None:
    """An answer without what was asked for is no answer."""
    real = bench.api.answer

    def cut(method: str, target: str, header: str | None, body: bytes) -> object:
        return (200, answer) if target == path else real(method, target, header, body)

    monkeypatch.setattr(bench.api, "answer", cut)
    with pytest.raises(ToolFailed, match=said):
        bench.dump()


def test_a_large_queue_is_told(bench: Bench) -> None:
    """What once blocked all writes and snapshots is told with how to make it smaller."""
    bench.fault("many")
    (said,) = bench.dump().warnings
    assert "has 976601 tasks (976598 older than 30 days)" in said
    assert "DELETE /tasks?statuses=succeeded,failed,canceled&beforeFinishedAt=20" in said


def test_a_large_file_of_tasks_is_told(bench: Bench) -> None:
    """Its size on the disk counts, however few tasks are in it."""
    tasks = bench.source / "data.ms" / "tasks" / "data.mdb"

    def grow(_method: str, path: str) -> None:
        if path == "/tasks?limit=1" and len(bench.calls) > 8:
            with tasks.open("r+b") as stream:
                text = stream.read()
                stream.write(b" " * (4096 - len(text)))

    bench.before = grow
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alt_backup_assets.dumps.meilisearch.task._LARGE_BYTES", 4096)
        (said,) = bench.dump().warnings
    assert "task database has 3 tasks (0 older than 30 days) and 0.0 GB" in said


def test_a_queue_that_never_rests(bench: Bench) -> None:
    """Its age is told, and that only files can be proved: what it will add nobody knows."""
    bench.fault("late", "stuck")
    bench.add("movies", 100)
    dumped = bench.dump()
    waits, files = dumped.warnings
    assert "1 tasks of Meilisearch wait for more than 1 hour" in waits
    assert "a drill proves only that its files are whole" in files
    assert isinstance(dumped.content, Inventory)
    assert dumped.content.unit == "bytes"
    assert dumped.content.settings["documents of movies"] == "12"


def test_no_program_to_prove_it_with(bench: Bench) -> None:
    """Where the service's programs cannot load it, record and warning say what a drill proves."""
    bench.service.script("curl", answers=(Answer(missing=True),))
    dumped = bench.dump()
    assert "has no program curl: drills prove that the files" in dumped.warnings[0]
    assert isinstance(dumped.content, Inventory)
    assert dumped.content.settings["proof"] == "files"
    names = {item.name for item in dumped.content.items}
    assert {"VERSION", "tasks/data.mdb", "auth/data.mdb"} < names


def _tar(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            source = path.parent / "x"
            source.write_text("1.12.3")
            made.add(source, arcname=name)
    return path


def test_a_file_that_is_no_snapshot(tmp_path: Path) -> None:
    """Another archive, one with a damaged end, and no archive at all are refused."""
    other = _tar(tmp_path / "other.snapshot", "VERSION", "auth/data.mdb")
    with pytest.raises(DumpFailed, match=r"it has no tasks/data\.mdb"):
        archive.read(other)
    good = _tar(tmp_path / "good.snapshot", "./VERSION", "tasks/data.mdb", "auth/data.mdb")
    assert archive.read(good).version == "1.12.3"
    good.write_bytes(good.read_bytes()[:-8] + bytes(8))  # the checksum of gzip
    with pytest.raises(DumpFailed, match="is not a whole snapshot: CRC check failed"):
        archive.read(good)
    plain = tmp_path / "plain.snapshot"
    plain.write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(DumpFailed, match="is not a whole snapshot"):
        archive.read(plain)


def test_a_member_that_leads_outside(tmp_path: Path) -> None:
    """Nothing of a snapshot is written beside the database."""
    needed = ("VERSION", "tasks/data.mdb", "auth/data.mdb")
    evil = _tar(tmp_path / "evil.snapshot", *needed, "../outside")
    with pytest.raises(DumpFailed, match=r"no snapshot of Meilisearch: `\.\./outside`"):
        archive.unpack(evil, tmp_path / "db" / "data.ms")
    assert not (tmp_path / "db" / "outside").exists()


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """What cannot be written is told; the volume has not been touched by then."""
    good = _tar(tmp_path / "good.snapshot", "VERSION", "tasks/data.mdb", "auth/data.mdb")
    (tmp_path / "data.ms").touch()
    with pytest.raises(DumpFailed, match=r"cannot unpack good\.snapshot: File exists"):
        archive.unpack(good, tmp_path / "data.ms")


def test_too_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found out before anything is written."""
    good = _tar(tmp_path / "good.snapshot", "VERSION", "tasks/data.mdb", "auth/data.mdb")
    usage = type("Usage", (), {"free": 3})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(NotEnoughSpace, match="18 bytes; 3 are free"):
        archive.unpack(good, tmp_path / "data.ms")
    assert not (tmp_path / "data.ms").exists()
