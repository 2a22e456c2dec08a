"""The manifest: what is needed is required by name, what is not is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.altctl.manifest import read_backup
from alt_backup_assets.errors import OldBackupError
from tests.altctl_backup import Fields, overall, write_backup


def test_a_sound_manifest_is_read(tmp_path: Path) -> None:
    """Fields of the old tool that nobody needs are passed over."""
    backup = read_backup(write_backup(tmp_path / "b", change=lambda m: m.update(comment="hello")))
    assert [v.name for v in backup.manifest.volumes] == ["tokens", "recap_db_data"]
    assert backup.manifest.created_at.isoformat() == "2026-02-27T18:00:00.123456+00:00"
    assert [v.is_tar for v in backup.manifest.volumes] == [True, False]
    assert backup.manifest.checksum_problem is None


@pytest.mark.parametrize(
    "field", ["name", "filename", "size", "checksum", "service", "backed_up_at"]
)
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    """The message has the file and the field of the volume."""

    def without(manifest: Fields) -> None:
        del manifest["volumes"][1][field]

    message = refused(write_backup(tmp_path / "b", change=without))
    assert f"{tmp_path}/b/manifest.json: field `volumes[1].{field}` is missing" in message


@pytest.mark.parametrize("field", ["version", "created_at", "volumes", "checksum"])
def test_a_missing_field_of_the_whole_is_named(tmp_path: Path, field: str) -> None:
    """A manifest that was never finished has no checksum, and is not read as a finished one."""
    message = refused(write_backup(tmp_path / "b", change=lambda m: m.pop(field)))
    assert f"field `{field}` is missing" in message


def test_another_version_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed about a format that is unknown."""
    message = refused(write_backup(tmp_path / "b", change=lambda m: m.update(version="2.0")))
    assert "field `version` must be one of 1.0" in message


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("filename", "../../etc/passwd.tar.gz", "inside the backup's directory"),
        ("filename", "/etc/passwd.tar.gz", "inside the backup's directory"),
        ("filename", "volumes/x.zip", "must end in .tar.gz or .dump"),
        ("checksum", "sha256:dry-run", "64 hexadecimal digits"),
        ("name", "../tokens", "letters, digits"),
        ("size", -1, "must be 0 or more"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    tmp_path: Path, field: str, value: object, said: str
) -> None:
    """A file name never leads out of the directory, and a checksum is one."""
    made = write_backup(tmp_path / "b", change=lambda m: m["volumes"][0].update({field: value}))
    message = refused(made)
    assert f"field `volumes[0].{field}`" in message
    assert said in message


def test_a_volume_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two would be restored is nothing to guess."""
    made = write_backup(tmp_path / "b", change=lambda m: m["volumes"].append(m["volumes"][0]))
    assert "twice there: tokens" in refused(made)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    """A cut, empty or foreign file is an error that names it."""
    made = write_backup(tmp_path / "b")
    (made / "manifest.json").write_bytes(content)
    assert f"{made}/manifest.json: " in refused(made)


def test_no_manifest_is_an_unfinished_backup(tmp_path: Path) -> None:
    """The old tool wrote the manifest last."""
    made = write_backup(tmp_path / "b")
    (made / "manifest.json").unlink()
    assert "was never finished" in refused(made)


def test_the_overall_checksum_is_over_names_and_checksums_in_order(tmp_path: Path) -> None:
    """An entry that was exchanged for another shows, and what was expected is told."""
    made = write_backup(tmp_path / "b", change=lambda m: m["volumes"].reverse())
    backup = read_backup(made)
    problem = backup.manifest.checksum_problem
    assert problem is not None
    assert backup.manifest.checksum in problem
    entries = [v.model_dump(mode="json") for v in backup.manifest.volumes]
    assert overall(entries) in problem


def test_an_unknown_volume_is_refused_with_the_near_miss(tmp_path: Path) -> None:
    """Names resolve exactly."""
    backup = read_backup(write_backup(tmp_path / "b"))
    with pytest.raises(OldBackupError, match="did you mean `recap_db_data`"):
        backup.volume("recap-db-data")


def refused(directory: Path) -> str:
    """Return why a backup is not read."""
    with pytest.raises(OldBackupError) as caught:
        read_backup(directory)
    return str(caught.value)
