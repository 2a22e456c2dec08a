"""Whether a real server stood still, of two majors: each single thing that changes shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import take_dump
from alt_backup_assets.dumps.unchanged import unchanged_dump
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site, open_site
from tests.end_to_end.docker_fixtures import POSTGRESQL_15, POSTGRESQL_17, compose_project
from tests.end_to_end.stack import Server
from tests.sites import database, write_site

pytestmark = pytest.mark.end_to_end

VOLUME = "idle_data"
OPTIONS = ("-c", "fsync=off", "-c", "max_prepared_transactions=2")
SEED = """
CREATE TABLE t (n int); CREATE UNLOGGED TABLE gone (n int); CREATE SEQUENCE ids;
SELECT nextval('ids');
"""


@dataclass(frozen=True)
class Bench:
    """A site with one server that nobody writes to, unless a test does.

    Attributes:
        site: The site.
        server: The server.
    """

    site: Site
    server: Server

    @property
    def volume(self) -> Volume:
        """The server's entry."""
        return self.site.registry.volume(VOLUME)

    def dump(self) -> StoredDump:
        """Take a dump."""
        return take_dump(self.site, self.volume, day=self.site.today)

    def spared(self, dump: StoredDump) -> bool:
        """Look at the server again; whatever stands must be this very dump, at a later time."""
        found = unchanged_dump(self.site, self.volume, day=dump.record.backup_day)
        if found is None:
            return False
        assert found.record == dump.record
        assert found.data_at > dump.record.taken_at
        return True


@pytest.fixture(name="bench", scope="module", params=[POSTGRESQL_15, POSTGRESQL_17])
def _bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, restic_binary: Path
) -> Iterator[Bench]:
    with compose_project() as project:
        container = project.run(
            "idle-db",
            image=request.param,
            command=("postgres", *OPTIONS),
            environment={"POSTGRES_USER": "owner", "POSTGRES_DB": "alt"},
        )
        server = Server(container, "owner", "alt")
        server.wait()
        server.sql(SEED)
        config = write_site(
            tmp_path_factory.mktemp("idle"),
            platform={"kind": "docker", "name": project.name, "project": project.name},
            volumes={VOLUME: database("idle-db", "owner", "alt")},
            restic=restic_binary,
        )
        yield Bench(open_site(config), server)


def test_neither_reading_nor_a_dump_changes_a_server(bench: Bench) -> None:
    """It is spared again and again, also after a vacuum and a checkpoint."""
    dump = bench.dump()
    assert bench.spared(dump)
    bench.server.sql("SELECT count(*) FROM t")
    bench.server.sql("VACUUM t")
    bench.server.sql("CHECKPOINT")
    assert bench.spared(dump)
    assert bench.spared(bench.dump())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1)",
        "SELECT nextval('ids')",
        "CREATE ROLE reader",
        "ALTER DATABASE alt SET work_mem = '5MB'",
    ],
)
def test_each_of_these_alone_needs_a_dump(bench: Bench, statement: str) -> None:
    """A value of a sequence too, which costs no transaction id."""
    dump = bench.dump()
    bench.server.sql(statement)
    assert not bench.spared(dump)
    assert bench.spared(bench.dump())


def test_a_prepared_transaction_is_waited_for(bench: Bench) -> None:
    """What hung in the air when the dump was taken may land later."""
    bench.server.sql("BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'late'")
    bench.server.sql("INSERT INTO t VALUES (3)")
    dump = bench.dump()
    assert not bench.spared(dump)
    bench.server.sql("COMMIT PREPARED 'late'")
    assert not bench.spared(dump)
    assert bench.spared(bench.dump())


def test_a_crash_that_the_server_survives_needs_a_dump(bench: Bench) -> None:
    """Unlogged tables are empty after it, and no transaction did that."""
    bench.server.sql("INSERT INTO gone VALUES (1)")
    dump = bench.dump()
    assert bench.spared(dump)
    pid = bench.server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    bench.server.run("sh", "-c", f"kill -9 {pid}")
    _until_recovered(bench.server, pid)
    assert bench.server.sql("SELECT count(*) FROM gone") == "0"
    assert not bench.spared(dump)


def _until_recovered(server: Server, pid: str) -> None:
    asked = (
        f"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walwriter' AND pid <> {pid}"
    )
    argv = ["psql", "-X", "-q", "-A", "-t", "-U", server.user, "-d", server.database, "-c", asked]
    deadline = time.monotonic() + 60
    while server.container.exec_run(argv).output != b"1\n":
        assert time.monotonic() < deadline, "the server did not come back"
        time.sleep(0.1)
