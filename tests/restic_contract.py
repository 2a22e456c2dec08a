"""What every restic repository does, whether it is the real one or the fake.

One sentence per test; ``tests/unit/tools/test_restic_fake.py`` holds the fake to them,
``tests/integration/test_restic.py`` the real program. Keep out: what only one of them can do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alt_backup_assets.config import Retention
from alt_backup_assets.errors import NoSnapshot, RepositoryMissing, RetentionUnsafe
from alt_backup_assets.tools.restic import Restic, Snapshot

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
UNKNOWN = "0" * 64


def save(
    repository: Restic, source: Path, *, hours: int = 0, host: str = "alt", tag: str = "db_data_17"
) -> Snapshot:
    """Take a snapshot of data that is so many hours older than noon."""
    taken_at = NOON - timedelta(hours=hours)
    return repository.backup(source, host=host, tags=["scheduled", tag], taken_at=taken_at)


def ids(snapshots: tuple[Snapshot, ...]) -> list[str]:
    """Return their ids."""
    return [snapshot.id for snapshot in snapshots]


class RepositoryContract:
    """The sentences; a subclass gives the fixtures ``repository`` and ``other``, both empty."""

    @pytest.fixture(name="source")
    def _source(self, tmp_path: Path) -> Path:
        source = tmp_path / "source"
        (source / "deep").mkdir(parents=True)
        (source / "db.dump").write_bytes(b"PGDMP" * 100)
        (source / "deep" / "record.json").write_text("{}")
        return source

    def test_a_place_without_a_repository_says_so(self, repository: Restic) -> None:
        """Opening what was never initialised is its own error, not an empty repository."""
        with pytest.raises(RepositoryMissing):
            repository.open()

    def test_it_is_initialised_once(self, repository: Restic) -> None:
        """The second ``init`` opens what is there and makes nothing."""
        assert repository.init() is True
        assert repository.init() is False
        repository.open()
        assert repository.snapshots() == ()

    def test_a_snapshot_is_listed_as_it_was_taken(self, repository: Restic, source: Path) -> None:
        """Host, tags, path, size and the *data's* time come back from the listing."""
        repository.init()
        taken = save(repository, source)
        assert repository.snapshots() == (taken,)
        assert taken.host == "alt"
        assert taken.tags == ("scheduled", "db_data_17")
        assert taken.paths == (str(source),)
        assert taken.time == NOON
        assert taken.total_bytes == 502
        assert taken.original is None
        assert taken.lineage == taken.id
        assert taken.id.startswith(taken.short)

    def test_listings_are_by_data_time_and_filtered(self, repository: Restic, source: Path) -> None:
        """The oldest data comes first, whatever was put in first; host and tag narrow it."""
        repository.init()
        newest = save(repository, source)
        oldest = save(repository, source, hours=2, tag="kratos_db_data")
        foreign = save(repository, source, hours=1, host="elsewhere")
        assert ids(repository.snapshots()) == ids((oldest, foreign, newest))
        assert ids(repository.snapshots(host="alt")) == ids((oldest, newest))
        assert ids(repository.snapshots(host="alt", tag="kratos_db_data")) == [oldest.id]
        assert repository.snapshots(tag="nothing") == ()

    def test_a_restore_brings_back_the_content(
        self, repository: Restic, source: Path, tmp_path: Path
    ) -> None:
        """The target holds what the path held, not the path itself, with its mode."""
        repository.init()
        (source / "db.dump").chmod(0o600)
        taken = save(repository, source)
        target = tmp_path / "target"
        repository.restore(taken.id, target)
        assert sorted(path.name for path in target.iterdir()) == ["db.dump", "deep"]
        assert (target / "db.dump").read_bytes() == b"PGDMP" * 100
        assert (target / "db.dump").stat().st_mode & 0o777 == 0o600
        assert (target / "deep/record.json").read_text() == "{}"

    def test_an_unknown_snapshot_cannot_be_restored(
        self, repository: Restic, tmp_path: Path
    ) -> None:
        """An id nobody knows is an error, and nothing is written."""
        repository.init()
        with pytest.raises(NoSnapshot):
            repository.restore(UNKNOWN, tmp_path / "target")
        assert not (tmp_path / "target").exists()

    def test_retention_removes_exactly_its_plan(self, repository: Restic, source: Path) -> None:
        """Planning removes nothing; applying removes what was planned and no more."""
        repository.init()
        by_age = [save(repository, source, hours=hours) for hours in (0, 1, 24, 25)]
        foreign = save(repository, source, hours=100, host="elsewhere")
        planned = repository.plan_retention(
            Retention(hourly=0, daily=2, weekly=0, monthly=0), host="alt"
        )
        assert {s.id for s in planned.keep} == {by_age[0].id, by_age[2].id}
        assert {s.id for s in planned.remove} == {by_age[1].id, by_age[3].id}
        assert len(repository.snapshots()) == 5
        repository.forget_and_prune([snapshot.id for snapshot in planned.remove])
        assert {s.id for s in repository.snapshots()} == {by_age[0].id, by_age[2].id, foreign.id}

    def test_an_empty_repository_has_an_empty_plan(self, repository: Restic) -> None:
        """Where there are no snapshots there is nothing to keep or to remove."""
        repository.init()
        planned = repository.plan_retention(Retention(), host="alt")
        assert planned.keep == planned.remove == ()

    def test_an_unknown_snapshot_cannot_be_forgotten(
        self, repository: Restic, source: Path
    ) -> None:
        """One unknown id among the known ones, and nothing at all is removed."""
        repository.init()
        taken = save(repository, source)
        with pytest.raises(RetentionUnsafe, match="nothing was removed"):
            repository.forget([taken.id, UNKNOWN])
        assert ids(repository.snapshots()) == [taken.id]

    def test_a_forgotten_snapshot_is_gone(self, repository: Restic, source: Path) -> None:
        """Forgetting removes one and leaves the other."""
        repository.init()
        gone, left = save(repository, source), save(repository, source, hours=1)
        repository.forget([gone.id])
        assert ids(repository.snapshots()) == [left.id]

    def test_a_copy_names_what_it_is_a_copy_of(
        self, repository: Restic, other: Restic, source: Path, tmp_path: Path
    ) -> None:
        """A copy has an id of its own, the same lineage, and the same content."""
        repository.init()
        assert other.init(chunker_from=repository) is True
        taken = save(repository, source)
        other.copy_from(repository, [taken.id])
        (copied,) = other.snapshots()
        assert copied.id != taken.id
        assert copied.original == copied.lineage == taken.id
        assert (copied.time, copied.tags, copied.host) == (taken.time, taken.tags, taken.host)
        other.restore(copied.id, tmp_path / "target")
        assert (tmp_path / "target/db.dump").read_bytes() == b"PGDMP" * 100

    def test_copying_again_changes_nothing(
        self, repository: Restic, other: Restic, source: Path
    ) -> None:
        """The second copy of a snapshot is no new snapshot."""
        repository.init()
        other.init(chunker_from=repository)
        taken = save(repository, source)
        other.copy_from(repository, [taken.id])
        before = other.snapshots()
        other.copy_from(repository, [taken.id])
        assert other.snapshots() == before

    def test_copying_the_unknown_is_silent(
        self, repository: Restic, other: Restic, source: Path
    ) -> None:
        """Neither an unknown id nor no id copies anything: only a listing confirms a copy."""
        repository.init()
        other.init(chunker_from=repository)
        save(repository, source)
        other.copy_from(repository, [UNKNOWN])
        other.copy_from(repository, [])
        assert other.snapshots() == ()

    def test_a_sound_repository_passes_its_check(self, repository: Restic, source: Path) -> None:
        """A check with all data read finds nothing, and says what it read."""
        repository.init()
        save(repository, source)
        assert repository.check(read_data_subset="1/1").read_data_subset == "1/1"
        assert repository.check().read_data_subset is None

    def test_it_takes_up_room(self, repository: Restic, source: Path) -> None:
        """The stored size is that of real bytes, and grows with what is put in."""
        repository.init()
        before = repository.stored_bytes()
        save(repository, source)
        assert repository.stored_bytes() > before
