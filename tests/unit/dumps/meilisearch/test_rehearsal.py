"""Snapshots brought back: into a throw-away server, by their files, and as a volume's tree."""

from __future__ import annotations

import json

import pytest

from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.meilisearch import driver as meilisearch
from alt_backup_assets.dumps.meilisearch import files as meilisearch_files
from alt_backup_assets.dumps.meilisearch import throwaway
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DrillError, DumpFailed, ToolFailed
from tests.doubles.meilisearch import Engine
from tests.fakes.platform import Answer
from tests.fakes.site import Machine
from tests.unit.dumps.meilisearch.bench import Bench


def _differences(bench: Bench, record: DumpRecord) -> tuple[str, ...]:
    again = meilisearch.rehearse(record, bench.directory, bench.platform)
    assert isinstance(record.content, Inventory)
    return record.content.differences(again)


def _record(bench: Bench, machine: Machine) -> DumpRecord:
    return bench.record(machine, bench.dump())


def test_a_rehearsal_of_the_same_data_is_equal(bench: Bench, machine: Machine) -> None:
    """Loaded on loopback with a key of its own, which is on no command line."""
    assert _differences(bench, _record(bench, machine)) == ()
    (started,) = (call for call in bench.target.calls if call.argv[0] == "meilisearch")
    assert started.argv[started.argv.index("--http-addr") + 1].startswith("127.0.0.1:")
    (config,) = (call for call in bench.target.calls if call.argv[0] == "tee")
    key = config.stdin.decode().split('"')[1]
    assert len(key) > 30
    assert all(key not in " ".join(call.argv) and not call.env for call in bench.target.calls)


def test_tasks_that_waited_are_done_first(bench: Bench, machine: Machine) -> None:
    """The snapshot holds them, so the content is looked at when they are done, as at the source."""

    def add(method: str, _path: str) -> None:
        if method == "POST":
            bench.add("movies", 100, 101)

    bench.before = add
    record = _record(bench, machine)
    again = meilisearch.rehearse(record, bench.directory, bench.platform)
    assert {item.name: item.count for item in again.items}["documents of movies"] == 14
    assert isinstance(record.content, Inventory)
    assert record.content.differences(again) == ()


def _fewer(engine: Engine) -> None:
    _alter(engine, lambda index: index["documents"].pop("7"))


def _field(engine: Engine) -> None:
    _alter(engine, lambda index: index["documents"]["7"].pop("title"))


def _settings(engine: Engine) -> None:
    _alter(engine, lambda index: index["settings"].update(synonyms={"a": ["b"]}))


def _primary(engine: Engine) -> None:
    _alter(engine, lambda index: index.update(primaryKey="title"))


def _alter(engine: Engine, change: object) -> None:
    found = engine.database.index("movies")
    assert found is not None
    assert callable(change)
    change(found[1])
    engine.database.write(f"indexes/{found[0]}", found[1])


CHANGES = {
    "document gone": (_fewer, "documents of movies has 11 entries, 12 were recorded"),
    "field gone": (_field, "documents of movies has other content in its 12 entries"),
    "settings": (_settings, "settings of movies has other content in its 0 entries"),
    "primary key": (_primary, "settings of movies has other content in its 0 entries"),
    "key gone": (
        lambda engine: engine.database.write("auth", {"keys": 1}),
        "API keys has 1 entries, 2 were recorded",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_rehearsal_of_other_data_is_not(bench: Bench, machine: Machine, name: str) -> None:
    """A document, a field, a setting or a key that is not as it was is named."""
    plant, said = CHANGES[name]
    record = _record(bench, machine)
    bench.target.plant = plant
    assert _differences(bench, record) == (said,)


def test_a_server_that_refuses_the_snapshot(bench: Bench, machine: Machine) -> None:
    """Its own words are in the message."""
    record = _record(bench, machine)
    (bench.room / "refuse").touch()
    ended = Answer(exit_code=1, stderr="Your database version (1.9) is incompatible")
    bench.target.script("meilisearch", answers=(ended,))
    with pytest.raises(DrillError, match=r"did not load the snapshot: .*\(1\.9\) is incompatible"):
        meilisearch.rehearse(record, bench.directory, bench.platform)


@pytest.mark.parametrize("never", ["_wait", "is_drained"])
def test_a_server_that_takes_too_long(
    bench: Bench, machine: Machine, monkeypatch: pytest.MonkeyPatch, never: str
) -> None:
    """Neither the loading nor the tasks are waited for without end."""
    record = _record(bench, machine)
    monkeypatch.setattr(throwaway, "_LOAD_SECONDS", 0.0)
    if never == "_wait":
        (bench.room / "refuse").touch()
    else:
        bench.target.plant = lambda engine: (
            engine.enqueue("documentAdditionOrUpdate", indexUid="movies"),
            (bench.room / "faults").write_text("stuck"),
        )
    with pytest.raises(DrillError, match="within 0 s"):
        meilisearch.rehearse(record, bench.directory, bench.platform)


def test_curl_that_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is kept and the answer is told."""
    place = bench.service
    place.script("curl", answers=(Answer(b'{"message": "no"}\n403'),))
    curl = throwaway.Curl(place, "http://127.0.0.1:1", "k")
    with pytest.raises(ToolFailed, match=r'GET /keys: 403: \{"message": "no"\}') as raised:
        curl.get("/keys")
    assert raised.value.exit_code == 403
    place.script("curl", answers=(Answer(b""),))
    with pytest.raises(ToolFailed, match="GET /keys"):
        curl.get("/keys")
    assert "k'" not in repr(curl)


def test_the_proof_of_files(bench: Bench, machine: Machine) -> None:
    """Without a server every file in the snapshot is compared, and no throw-away place is made."""
    bench.service.script("meilisearch", answers=(Answer(missing=True),))
    record = _record(bench, machine)
    assert _differences(bench, record) == ()
    assert bench.platform.thrown == []
    assert isinstance(record.content, Inventory)
    (first, *others) = record.content.items
    other = first.model_copy(update={"content": "0" * 64})
    changed = record.content.model_copy(update={"items": (other, *others)})
    altered = record.model_copy(update={"content": changed})
    (said,) = _differences(bench, altered)
    assert "VERSION has other content" in said


def test_a_snapshot_that_is_cut(bench: Bench, machine: Machine) -> None:
    """It is found before any server is started."""
    record = _record(bench, machine)
    snapshot = meilisearch_files.snapshot_of(record, bench.directory)
    snapshot.chmod(0o600)
    snapshot.write_bytes(snapshot.read_bytes()[:60])
    with pytest.raises(DumpFailed, match="is not a whole snapshot"):
        meilisearch.rehearse(record, bench.directory, bench.platform)
    assert bench.platform.thrown == []


def test_the_tree_is_a_database_that_is_there(bench: Bench, machine: Machine) -> None:
    """Unpacked where the service's ordinary command looks for it, beside its snapshot."""
    record = _record(bench, machine)
    tree = meilisearch_files.lay_out(record, bench.directory)
    assert (tree / "data.ms" / "VERSION").read_text() == "1.12.3"
    assert (tree / "data.ms" / "update_files").is_dir()
    assert (tree / "snapshots" / "data.ms.snapshot").is_file()
    (movies,) = (
        index
        for path in tree.glob("data.ms/indexes/*/data.mdb")
        if (index := json.loads(path.read_text()))["uid"] == "movies"
    )
    assert len(movies["documents"]) == 12
    owner = (tree / "snapshots" / "data.ms.snapshot").stat()
    assert (tree / "data.ms" / "auth").stat().st_uid == owner.st_uid


def test_a_record_of_something_else(bench: Bench, machine: Machine) -> None:
    """A record that is not of this engine is refused."""
    record = machine.dump().record
    with pytest.raises(DumpFailed, match="not of a Meilisearch dump"):
        meilisearch.rehearse(record, bench.directory, bench.platform)
