"""A dump's record: it comes back as it was written, or the dump is none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.record import (
    RECORD_NAME,
    artifact_differences,
    compare,
    read_record,
)
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.errors import DumpFailed
from tests.fakes.site import Machine
from tests.unit.dumps.files.test_content import SOURCE as FILES
from tests.unit.dumps.files.test_content import TOKEN
from tests.unit.dumps.postgresql.test_content import SOURCE as SERVER


@pytest.fixture(name="dump")
def _dump(machine: Machine) -> StoredDump:
    return machine.dump()


@pytest.mark.parametrize("content", [FILES, SERVER], ids=lambda content: content.kind)
def test_a_record_comes_back_as_it_was_written(
    dump: StoredDump, content: FilesContent | PostgresqlContent
) -> None:
    """Every field and every engine's content survives the file."""
    record = dump.record.model_copy(update={"content": content})
    (dump.directory / RECORD_NAME).write_text(record.model_dump_json())
    assert read_record(dump.directory) == record


def test_a_record_says_what_it_is_of(dump: StoredDump, machine: Machine) -> None:
    """Volume, service, engine, runtime, data time, day and size."""
    record = read_record(dump.directory)
    assert (record.platform, record.volume, record.service) == ("fake", "db_data", "db")
    assert (record.engine, record.server_version) == ("redis", "fake 1.0")
    assert record.taken_at == machine.clock.at
    assert record.backup_day == machine.site.today
    assert record.size_bytes == len(b"rows of db_data")
    assert record.runtime is not None


def test_a_missing_record_is_no_dump(dump: StoredDump) -> None:
    """A directory without a record was never complete."""
    (dump.directory / RECORD_NAME).unlink()
    with pytest.raises(DumpFailed, match="not a complete dump"):
        read_record(dump.directory)


def _without(record: dict[str, Any], field: str) -> str:
    return json.dumps({key: value for key, value in record.items() if key != field})


@pytest.mark.parametrize("field", ["taken_at", "volume", "artifacts", "content"])
def test_a_record_without_a_field_is_damaged(dump: StoredDump, field: str) -> None:
    """Nothing is guessed; the field is named."""
    path = dump.directory / RECORD_NAME
    path.write_text(_without(json.loads(path.read_text()), field))
    with pytest.raises(DumpFailed, match=f"is damaged: {field}"):
        read_record(dump.directory)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": 2}'],
    ids=["empty", "cut", "list", "null", "other-format"],
)
def test_what_is_no_record_is_damaged(dump: StoredDump, text: str) -> None:
    """A cut or foreign file is not half a record."""
    (dump.directory / RECORD_NAME).write_text(text)
    with pytest.raises(DumpFailed, match="is damaged"):
        read_record(dump.directory)


def test_a_record_cut_at_any_length_is_damaged(dump: StoredDump) -> None:
    """No prefix of a record is a record."""
    path = dump.directory / RECORD_NAME
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DumpFailed):
            read_record(dump.directory)


def test_a_record_that_cannot_be_read_is_a_failed_dump(dump: StoredDump) -> None:
    """A disk that gives nothing back is a failure of this dump, not of whoever asks."""
    path = dump.directory / RECORD_NAME
    path.unlink()
    path.mkdir()
    with pytest.raises(DumpFailed, match="cannot be read"):
        read_record(dump.directory)


def test_a_time_without_a_zone_is_damaged(dump: StoredDump) -> None:
    """An age counted from it would be anybody's guess."""
    path = dump.directory / RECORD_NAME
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"taken_at": "2026-11-23T12:00:00"}))
    with pytest.raises(DumpFailed, match="taken_at"):
        read_record(dump.directory)


def test_whole_artifacts_have_no_difference(dump: StoredDump) -> None:
    """What lies on the disk is what was written."""
    assert artifact_differences(dump.record, dump.directory) == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, r"data\.bin is missing"),
        (b"", r"data\.bin has 0 bytes, 15 were written"),
        (b"rows of db_dat", r"data\.bin has 14 bytes, 15 were written"),
        (b"rows of db_data!", r"data\.bin has 16 bytes, 15 were written"),
        (b"rows of db_datA", r"data\.bin has sha256 [0-9a-f]{12}…, [0-9a-f]{12}… was written"),
    ],
    ids=["missing", "empty", "shorter", "longer", "other"],
)
def test_an_artifact_that_changed_is_said(
    dump: StoredDump, data: bytes | None, sentence: str
) -> None:
    """Missing, shorter, longer, or other bytes of the same length."""
    path = dump.directory / "data.bin"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    (found,) = artifact_differences(dump.record, dump.directory)
    assert re.fullmatch(sentence, found)


def test_a_directory_in_place_of_an_artifact_is_said(dump: StoredDump) -> None:
    """Only a file is a file."""
    path = dump.directory / "data.bin"
    path.unlink()
    path.mkdir()
    assert artifact_differences(dump.record, dump.directory) == ("data.bin is missing",)


def test_every_damaged_artifact_is_said(machine: Machine) -> None:
    """All of them at once, not only the first."""
    machine.engine.data["db_data"] = {"a": b"1", "b": b"2", "c": b"3"}
    dump = machine.dump()
    (dump.directory / "a").unlink()
    (dump.directory / "c").write_bytes(b"4")
    first, second = artifact_differences(dump.record, dump.directory)
    assert first == "a is missing"
    assert second.startswith("c has sha256")


def test_contents_of_one_kind_are_compared() -> None:
    """The differences and the table of the engine's own comparison."""
    found = compare(FILES, FilesContent(entries=(TOKEN,)))
    assert found.differences == ("latest is missing", "sub is missing")
    assert [line.name for line in found.compared] == ["token.json"]
    assert compare(FILES, FILES).differences == ()


def test_contents_of_two_kinds_are_never_equal() -> None:
    """A volume restored by another engine's hands is not proven."""
    found = compare(FILES, SERVER)
    assert found.differences == ("restored as postgresql, recorded as files",)
    assert found.compared == ()
