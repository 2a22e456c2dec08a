"""The real restic: the repository contract, and what only the real program can show."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from alt_backup_assets.config import Repository
from alt_backup_assets.errors import (
    RepositoryError,
    RepositoryMissing,
    RepositoryUnreachable,
    SnapshotIncomplete,
    WrongPassword,
)
from alt_backup_assets.tools import process
from alt_backup_assets.tools.parallel import each
from alt_backup_assets.tools.restic import Restic, commands
from tests.restic_bench import Bench
from tests.restic_contract import NOON, RepositoryContract, save

pytestmark = pytest.mark.integration


class TestRestic(RepositoryContract):
    """The contract, on the real restic."""

    @pytest.fixture(name="other")
    def _other(self, bench: Bench) -> Restic:
        return bench.restic("other")


def test_its_version_is_new_enough(repository: Restic) -> None:
    """The restic under test is one the product accepts."""
    assert tuple(int(n) for n in repository.require_version().split(".")[:2]) >= (0, 17)


def test_a_wrong_password_is_told_from_a_missing_repository(bench: Bench) -> None:
    """Exit code 12 is its own error; a repository is never remade over it, nor named secrets."""
    bench.restic().init()
    wrong = bench.directory / "wrong"
    wrong.write_text("battery staple\n")
    for verb in (bench.restic(password=wrong).open, bench.restic(password=wrong).init):
        with pytest.raises(WrongPassword) as caught:
            verb()
        assert "exit code 12" in str(caught.value)
        assert "battery staple" not in str(caught.value)
    bench.restic().open()


def test_verbs_on_a_missing_repository_fail(repository: Restic, tmp_path: Path) -> None:
    """Exit code 10 is never taken for an empty repository."""
    for verb in (
        repository.snapshots,
        repository.check,
        repository.stored_bytes,
        lambda: save(repository, tmp_path),
    ):
        with pytest.raises(RepositoryMissing):
            verb()


def test_a_missing_source_is_an_error(repository: Restic, tmp_path: Path) -> None:
    """A path that is not there gives no snapshot."""
    repository.init()
    with pytest.raises(RepositoryError, match="source directories/files do not exist"):
        save(repository, tmp_path / "nothing")
    assert repository.snapshots() == ()


def test_an_unreadable_file_makes_the_snapshot_incomplete(repository: Restic) -> None:
    """Exit code 3 is a failure that names the file and the snapshot that was kept."""
    repository.init()
    # Memory at address 0 cannot be read, by root either.
    unreadable = Path(f"/proc/{os.getpid()}/mem")
    with pytest.raises(SnapshotIncomplete, match=str(unreadable)) as caught:
        save(repository, unreadable)
    (kept,) = repository.snapshots()
    assert kept.id in str(caught.value)


def test_excluded_files_stay_out_and_are_recorded(
    bench: Bench, repository: Restic, tmp_path: Path
) -> None:
    """An exclude pattern keeps its files out, and only those; it stands in the snapshot."""
    repository.init()
    source = tmp_path / "source"
    source.mkdir()
    for name in ("keep.rdb", "drop.tmp", "--odd.tmp"):
        (source / name).write_text(name)
    taken = repository.backup(source, host="alt", tags=[], taken_at=NOON, exclude=["*.tmp"])
    repository.restore(taken.id, tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["keep.rdb"]
    options = commands.global_options(bench.place(), cache_dir=tmp_path / "cache")
    shown = process.run(
        [str(bench.binary), *options, "cat", "snapshot", taken.id], timeout_seconds=60
    )
    assert json.loads(shown.stdout)["excludes"] == ["*.tmp"]


def test_an_empty_directory_is_saved_and_restored(repository: Restic, tmp_path: Path) -> None:
    """Nothing at all is something that can be saved and brought back."""
    repository.init()
    (tmp_path / "empty").mkdir()
    taken = save(repository, tmp_path / "empty")
    repository.restore(taken.id, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []
    assert taken.total_bytes == 0


def test_a_restore_over_what_is_there_is_complete(repository: Restic, tmp_path: Path) -> None:
    """Restoring twice into one place succeeds, and a changed file is put right."""
    repository.init()
    source = tmp_path / "source"
    source.mkdir()
    (source / "dump").write_text("good")
    taken = save(repository, source)
    for _ in range(2):
        repository.restore(taken.id, tmp_path / "target")
        assert (tmp_path / "target/dump").read_text() == "good"
        (tmp_path / "target/dump").write_text("evil")


def test_a_copys_target_gets_the_sources_chunker(bench: Bench) -> None:
    """Both repositories cut files at the same places, so that copies deduplicate."""
    source, target, stranger = (bench.restic(name) for name in ("repository", "target", "x"))
    source.init()
    target.init(chunker_from=source)
    stranger.init()
    polynomials = [
        bench.config(name)["chunker_polynomial"] for name in ("repository", "target", "x")
    ]
    assert polynomials[0] == polynomials[1] != polynomials[2]


def test_two_at_once_make_one_repository(bench: Bench) -> None:
    """Starting side by side on an empty place, one makes the repository and both open it."""
    outcomes = list(each([1, 2, 3], lambda _: bench.restic().init(), workers=3))
    assert sorted(str(outcome.value) for outcome in outcomes) == ["False", "False", "True"]
    assert len(list((bench.directory / "repository/keys").iterdir())) == 1


def test_a_dead_server_is_unreachable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A REST server that does not answer is given up in time; restic would go on trying."""
    monkeypatch.setattr("alt_backup_assets.tools.restic.opening.OPEN_SECONDS", 3)
    place = Repository(url="rest:http://127.0.0.1:1/", password_file=bench.password)
    restic = Restic(place, binary=bench.binary, cache_dir=bench.directory / "cache")
    with pytest.raises(RepositoryUnreachable, match="did not open"):
        restic.open()
