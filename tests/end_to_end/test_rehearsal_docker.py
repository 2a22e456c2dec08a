"""Rehearsals of a real server with two databases: side by side, in memory, and out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql import throwaway
from alt_backup_assets.dumps.postgresql.files import archive_name
from alt_backup_assets.dumps.record import DumpRecord, compare
from alt_backup_assets.errors import DrillError, ToolFailed
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.seam import Runtime, Throwaway
from alt_backup_assets.registry.volume import Volume
from tests.end_to_end.docker_fixtures import POSTGRESQL_17, Project, compose_project, config
from tests.end_to_end.stack import start_server
from tests.fakes.records import record_of
from tests.platform_contract import MIB

pytestmark = pytest.mark.end_to_end

VOLUME = Volume(
    name="db_data_17",
    service="db",
    engine="postgresql",
    category="critical",
    databases=("alt", "second"),
    user="alt_db_user",
)


class Noting(DockerEngine):
    """The engine; notes whether a target was to be in memory."""

    asked: list[bool]

    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,
    ) -> AbstractContextManager[Throwaway]:
        """Note it, and make the target."""
        self.asked.append(in_memory)
        return super().throwaway(service, runtime, user=user, in_memory=in_memory)


@pytest.fixture(scope="module", name="project")
def _project() -> Iterator[Project]:
    with compose_project() as project:
        server = start_server(project, "db", POSTGRESQL_17, "alt_db_user", "alt", ballast=12_000)
        server.sql("CREATE DATABASE second")
        server.run(
            *("psql", "-q", "-U", "alt_db_user", "-d", "second", "-c"),
            "CREATE TABLE notes AS SELECT n, md5(n::text) FROM generate_series(1, 1000) AS n",
        )
        yield project


@pytest.fixture(scope="module", name="dumped")
def _dumped(project: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dumped]:
    root = tmp_path_factory.mktemp("dump")
    directory = root / "dump"
    directory.mkdir()
    return directory, postgresql.dump(VOLUME, DockerEngine(config(project, root)), directory)


def _engine(project: Project, root: Path, memory_mb: int) -> Noting:
    engine = Noting(config(project, root, throwaway_memory_mb=memory_mb))
    engine.asked = []
    return engine


def _rehearse(engine: Noting, record: DumpRecord, directory: Path) -> tuple[str, ...]:
    restored = postgresql.rehearse(record, directory, engine)
    return compare(record.content, restored).differences


def _left(project: Project) -> list[str]:
    mine = f"io.alt-backup.platform={project.name}"
    return [c.name or "" for c in project.client.containers.list(all=True, filters={"label": mine})]


def test_both_come_back_in_memory(
    project: Project, dumped: tuple[Path, Dumped], tmp_path: Path
) -> None:
    """The live data and everything beside it surely fit into half of the cap."""
    engine = _engine(project, tmp_path, 1536)
    assert _rehearse(engine, record_of(VOLUME, dumped[1]), dumped[0]) == ()
    assert engine.asked == [True]
    assert _left(project) == []


def test_memory_that_is_full_is_left_for_the_disk(
    project: Project,
    dumped: tuple[Path, Dumped],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was thought to fit does not; nothing is lost but time."""
    monkeypatch.setattr(throwaway, "fits_in_memory", lambda *_: True)
    engine = _engine(project, tmp_path, 240)
    assert dumped[1].data_bytes is not None
    assert dumped[1].data_bytes + 40 * MIB > engine.memory_bytes
    assert _rehearse(engine, record_of(VOLUME, dumped[1]), dumped[0]) == ()
    assert engine.asked == [True, False]
    assert _left(project) == []


def test_a_dump_of_unknown_size_comes_back_on_the_disk(
    project: Project, dumped: tuple[Path, Dumped], tmp_path: Path
) -> None:
    """Like those of before it was recorded; one archive that is cut fails both, by its name."""
    directory = tmp_path / "cut"
    directory.mkdir()
    for path in dumped[0].iterdir():
        (directory / path.name).write_bytes(path.read_bytes())
    archive = directory / archive_name("second")
    os.truncate(archive, archive.stat().st_size * 2 // 3)
    engine = _engine(project, tmp_path, 1024)
    with pytest.raises(DrillError) as caught:
        postgresql.rehearse(record_of(VOLUME, dumped[1], data_bytes=None), directory, engine)
    assert str(caught.value).startswith("second: in throw-away target of db")
    assert "pg_restore exited with 1" in str(caught.value)
    assert "alt: " not in str(caught.value)
    assert engine.asked == [False]
    assert _left(project) == []


def test_the_memory_of_a_target_ends_at_half_of_its_cap(project: Project, tmp_path: Path) -> None:
    """It is empty, its user writes there, and what is too much for it is an error."""
    engine = _engine(project, tmp_path, 256)
    runtime = Runtime(POSTGRESQL_17, "")
    with engine.throwaway("db", runtime, user="postgres", in_memory=True) as place:
        assert place.run(["ls", "-A", place.directory], timeout_seconds=20) == b""
        kind = ["stat", "--file-system", "--format=%T", place.directory]
        assert place.run(kind, timeout_seconds=20) == b"tmpfs\n"
        path = f"{place.directory}/data"
        place.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", "count=127"], timeout_seconds=60)
        with pytest.raises(ToolFailed, match="No space left on device"):
            place.run(
                ["dd", "if=/dev/zero", f"of={path}", "bs=1M", "count=129"], timeout_seconds=60
            )
    assert _left(project) == []
