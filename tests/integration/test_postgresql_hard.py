"""PostgreSQL servers that are not simple, dumped, drilled and loaded for real, of two majors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql import wait
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.record import DumpRecord, compare
from alt_backup_assets.errors import RestoreFailed, RestoreRefused
from alt_backup_assets.platforms.local_place import unprivileged
from tests.integration.test_postgresql_live import MAJORS, Live, live_server

pytestmark = pytest.mark.integration

MANY = 2000
SECONDS_FOR_MANY = 120.0
# What both wheels ship and a platform uses.
EXTENSIONS = ("hstore", "citext", "pg_trgm", "btree_gin", "ltree", "intarray", "unaccent", "cube")


@pytest.fixture(name="major", params=sorted(MAJORS))
def _major(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(name="live")
def _live(major: str) -> Iterator[Live]:
    # Short: a socket's path has 107 characters at most.
    with (
        TemporaryDirectory(prefix="ab-") as directory,
        live_server(Path(directory), major) as live,
    ):
        live.in_database("postgres", "CREATE DATABASE recap")
        yield live


def drilled(live: Live, record: DumpRecord) -> tuple[str, ...]:
    """Restore a dump into a throw-away server and return the differences."""
    directory = live.room / record.dump_id
    return compare(record.content, postgresql.rehearse(record, directory, live.machine)).differences


def loaded(live: Live, record: DumpRecord) -> tuple[str, ...]:
    """Load a dump into the live server and return the differences."""
    return compare(record.content, live.load(record)).differences


def test_a_server_with_another_bootstrap_superuser(live: Live, major: str) -> None:
    """A dump goes into a new server that was initialised by somebody else's name."""
    live.in_database("postgres", "DROP DATABASE recap")
    live.server.seed(10)
    record = live.dump("moved")
    with (
        TemporaryDirectory(prefix="ab-") as directory,
        live_server(Path(directory), major, user="postgres") as other,
    ):
        other.in_database("postgres", "CREATE ROLE recap_user SUPERUSER LOGIN")
        moved = replace(other, room=live.room)
        assert loaded(moved, record) == ()
        assert loaded(moved, record) == ()


def test_roles_with_a_broken_statement_change_nothing(live: Live) -> None:
    """They are one transaction, and no verifier is in the error."""
    live.server.sql("CREATE ROLE reader CONNECTION LIMIT 5; CREATE TABLE t AS SELECT 1 AS n")
    record = live.dump("broken")
    live.server.sql("ALTER ROLE reader CONNECTION LIMIT 6; UPDATE t SET n = 2")
    with (live.room / "broken" / "globals.sql").open("a") as roles:
        roles.write("ALTER ROLE reader PASSWORD 'SCRAM-SECRET' NONSENSE;\n")
    with pytest.raises(RestoreFailed, match="roles stay as they were") as caught:
        live.load(record)
    assert '"nonsense"' in str(caught.value)
    assert "SCRAM-SECRET" not in str(caught.value)
    said = live.server.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'reader'")
    assert (said, live.server.sql("SELECT n FROM t")) == ("6", "2")
    assert "SCRAM-SECRET" not in (live.server.directory / "log").read_text()


def test_a_newer_major_takes_an_older_dump() -> None:
    """Equal to the last object; the other way round is refused."""
    with (
        TemporaryDirectory(prefix="ab-") as one,
        TemporaryDirectory(prefix="ab-") as two,
        live_server(Path(one), "17") as older,
        live_server(Path(two), "18") as newer,
    ):
        older.server.seed(10)
        newer.server.seed(10)
        assert loaded(replace(newer, room=older.room), older.dump("old")) == ()
        with pytest.raises(RestoreRefused, match="same major version or a newer"):
            replace(older, room=newer.room).load(newer.dump("new"))


def test_tablespaces(live: Live) -> None:
    """A drill has no such disks and comes out equal; a server without them is refused."""
    disk = live.server.directory / "disk"
    disk.mkdir()
    live.in_database("postgres", f"CREATE TABLESPACE \"fast one\" LOCATION '{disk}'")
    live.in_database("postgres", 'ALTER TABLESPACE "fast one" SET (random_page_cost = 1.1)')
    live.in_database("postgres", 'CREATE DATABASE elsewhere TABLESPACE "fast one"')
    live.server.sql('CREATE TABLE t (n int) TABLESPACE "fast one"; INSERT INTO t VALUES (1)')
    live.in_database("elsewhere", "CREATE TABLE u AS SELECT 2 AS n")
    record = live.dump("spaces", databases=("recap", "elsewhere"))
    assert drilled(live, record) == ()
    assert loaded(live, record) == ()
    live.in_database("postgres", "DROP DATABASE elsewhere")
    live.server.sql("DROP TABLE t")
    live.in_database("postgres", 'DROP TABLESPACE "fast one"')
    with pytest.raises(RestoreRefused, match='CREATE TABLESPACE "fast one"'):
        live.load(record)


def test_several_databases_with_an_empty_one(live: Live) -> None:
    """Each is drilled and loaded; `postgres` with data of its own can be one of them."""
    live.server.sql("CREATE TABLE t AS SELECT 1 AS n")
    live.in_database("postgres", 'CREATE DATABASE "Odd.name é"')
    live.in_database("Odd.name é", "CREATE TABLE u AS SELECT 2 AS n")
    live.in_database("postgres", "CREATE DATABASE nothing; ")
    live.in_database("postgres", "CREATE TABLE p AS SELECT 3 AS n")
    record = live.dump("several", databases=("recap", "Odd.name é", "nothing", "postgres"))
    assert record.warnings == ()
    assert drilled(live, record) == ()
    live.in_database("recap", 'DROP DATABASE "Odd.name é"')
    live.in_database("recap", "DROP DATABASE nothing")
    live.in_database("postgres", "DELETE FROM p")
    assert loaded(live, record) == ()
    with pytest.raises(RestoreRefused, match="only one database"):
        live.load(record, into="other")


def test_a_database_no_entry_names_is_told(live: Live) -> None:
    """One that nobody dumps is a warning; the server's own empty `postgres` is none."""
    live.server.sql("CREATE TABLE t AS SELECT 1 AS n")
    assert live.dump("quiet").warnings == ()
    live.in_database("postgres", "CREATE DATABASE forgotten")
    live.in_database("postgres", "CREATE TABLE p ()")
    assert [warning.split(":")[0] for warning in live.dump("told").warnings] == [
        "database forgotten of service recap-db is in no registry entry",
        "database postgres of service recap-db is in no registry entry",
    ]


def test_extensions_and_large_objects(live: Live) -> None:
    """Rows of extensions' types, objects with an owner and rights: drilled, lost, loaded."""
    live.server.sql("; ".join(f"CREATE EXTENSION {name}" for name in EXTENSIONS))
    live.server.sql(
        "CREATE TABLE t (h hstore, c citext, l ltree, n int GENERATED ALWAYS AS (1 + 1) STORED);"
        "INSERT INTO t (h, c, l) VALUES ('a=>1', 'X', 'a.b.c');"
        "CREATE INDEX ON t USING gin (c gin_trgm_ops);"
        "CREATE ROLE holder; SELECT lo_from_bytea(77, '\\x00ff');"
        "ALTER LARGE OBJECT 77 OWNER TO holder; GRANT SELECT ON LARGE OBJECT 77 TO PUBLIC"
    )
    record = live.dump("extensions")
    assert isinstance(record.content, PostgresqlContent)
    assert set(EXTENSIONS) < set(record.content.databases[0].extensions)
    assert drilled(live, record) == ()
    live.server.sql("SELECT lo_unlink(77); DROP EXTENSION hstore CASCADE")
    assert loaded(live, record) == ()


def test_two_thousand_tables(live: Live) -> None:
    """Dump, drill and load in sensible time; too few locks replace nothing and are named."""
    live.server.sql(
        "DO $$ BEGIN FOR i IN 1..2000 LOOP"
        " EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v text)', i);"
        " EXECUTE format('INSERT INTO t%s VALUES (1, ''x'')', i);"
        " IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    )
    begun = time.monotonic()
    record = live.dump("many")
    dumped = time.monotonic()
    assert drilled(live, record) == ()
    ended = time.monotonic()
    print(f"{MANY} tables: dump {dumped - begun:.1f} s, drill {ended - dumped:.1f} s")  # noqa: T201
    with pytest.raises(RestoreFailed, match=r"replaced: none(?s:.*)max_locks_per_transaction"):
        live.load(record)
    _restart_with(live, "max_locks_per_transaction = 512")
    begun_load = time.monotonic()
    assert loaded(live, record) == ()
    print(f"load {time.monotonic() - begun_load:.1f} s")  # noqa: T201
    assert time.monotonic() - begun < SECONDS_FOR_MANY


def _restart_with(live: Live, setting: str) -> None:
    data = live.server.directory / "data"
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(f"{setting}\n")
    argv = [*unprivileged(), str(live.server.programs / "pg_ctl"), "restart", "-D", str(data)]
    service = live.machine.service("recap-db")
    service.run([*argv, "-l", str(live.server.directory / "log"), "-w"], timeout_seconds=60)
    wait.wait(live.volume, service)
