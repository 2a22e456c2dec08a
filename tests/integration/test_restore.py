"""The disaster, with a real restic and a real PostgreSQL: data lost, restored, equal.

No Dagster instance is there. Keep out: refusals and choices, which need no program.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.tree import read_tree
from alt_backup_assets.site import open_site
from alt_backup_assets.snapshots.back_up import back_up
from tests.local_postgresql import LocalServer, local_server
from tests.sites import (
    FILES,
    alt_backup,
    database,
    leftovers,
    make_template,
    make_tokens,
    started,
    write_site,
)

pytestmark = pytest.mark.integration

VOLUME, TOKENS = "recap_db_data", "oauth_token_data"
_KILLS = 8


@pytest.fixture(scope="module", name="room")
def _room() -> Iterator[Path]:
    # Short: a socket's path has 107 characters at most.
    with TemporaryDirectory(prefix="ab-") as directory:
        make_tokens(Path(directory) / TOKENS)
        yield Path(directory)


@pytest.fixture(scope="module", name="server")
def _server(room: Path) -> Iterator[LocalServer]:
    (room / "server").mkdir()
    with local_server(room / "server", user="recap_user", database="recap", ballast=50) as server:
        yield server


@pytest.fixture(scope="module", name="config")
def _config(room: Path, server: LocalServer, restic_binary: Path) -> Path:
    stopped = {"running": ["/bin/false"], "start": ["/bin/true"], "stop": ["/bin/true"]}
    runs = {**server.service, "running": ["/bin/true"]}
    platform = {
        "kind": "local",
        "name": "this-machine",
        "services": {"recap-db": runs, "auth-token-manager": stopped},
        "volumes": {TOKENS: str(room / TOKENS)},
    }
    config = write_site(
        room / "site",
        platform=platform,
        volumes={
            VOLUME: database("recap-db", "recap_user", "recap", major=18),
            TOKENS: FILES,
        },
        restic=restic_binary,
        scratch=room / "scratch",
        template=make_template(room / "template", restic_binary),
    )
    site = open_site(config)
    names = (VOLUME, TOKENS)
    done = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
    assert {ended.error for ended in done} == {None}
    return config


def assert_nothing_left(config: Path, room: Path) -> None:
    """Fail if a restore left anything."""
    # A restic that was killed leaves its lock; the next that wants to be alone removes it.
    assert [path for path in leftovers(open_site(config)) if path.parent.name != "locks"] == []
    assert list(room.glob(".alt-backup*")) == []


def test_destroyed_files_come_back_equal(config: Path, room: Path) -> None:
    """Bytes, modes, owners and links, and nothing that was not in the snapshot."""
    before = read_tree(room / TOKENS)
    mode = (room / TOKENS).stat().st_mode
    shutil.rmtree(room / TOKENS)
    (room / TOKENS).mkdir(mode=0o700)
    (room / TOKENS / "rubbish").write_text("rubbish")
    done = alt_backup(config, "restore", TOKENS, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "RESTORED"
    assert read_tree(room / TOKENS) == before
    assert (room / TOKENS).stat().st_mode == mode
    assert_nothing_left(config, room)


def test_killed_at_any_moment(config: Path, room: Path) -> None:
    """Killed, it leaves the old files or the new ones, never a mixture; the rerun finishes."""
    restored = read_tree(room / TOKENS)
    for kill in range(_KILLS):
        (room / TOKENS / "old").write_text("old")
        (room / TOKENS / "token.json").write_text("old")
        old = read_tree(room / TOKENS)
        _killed(config, room, kill)
        assert read_tree(room / TOKENS) in (old, restored)
    done = alt_backup(config, "restore", TOKENS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_tree(room / TOKENS) == restored
    assert_nothing_left(config, room)


def test_a_restic_that_outlived_its_restore_is_ended(config: Path, room: Path) -> None:
    """It would go on writing below the rerun: it is ended before anything is fetched again."""
    staging = room / f".alt-backup-restore-{TOKENS}" / "dump"
    staging.mkdir(parents=True)
    sleep = ("-c", "import time; time.sleep(60)")
    argv = [sys.executable, *sleep, "--target", str(staging), "id:/path"]
    with subprocess.Popen(argv, start_new_session=True) as orphan:
        done = alt_backup(config, "restore", TOKENS)
        assert orphan.wait(timeout=10) == -signal.SIGTERM
    assert done.returncode == 0, done.stdout + done.stderr
    assert_nothing_left(config, room)


def _killed(config: Path, room: Path, kill: int) -> None:
    """Kill a restore some time after it began to write beside the volume."""
    with started(config, "restore", TOKENS) as process:
        while process.poll() is None and not list(room.glob(".alt-backup*/dump")):
            time.sleep(0.002)
        time.sleep(0.15 * kill)
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode in (0, -signal.SIGKILL)


def test_a_lost_table_comes_back(config: Path, room: Path, server: LocalServer) -> None:
    """The running server is refused first, and loads its dump with --force."""
    tables = server.sql("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    server.sql("DROP TABLE odd_values CASCADE")
    refused = alt_backup(config, "restore", VOLUME)
    assert refused.returncode == 2
    assert "service recap-db runs" in refused.stdout
    done = alt_backup(config, "restore", VOLUME, "--force", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.sql("SELECT count(*) FROM odd_values") == "3"
    assert tables == server.sql(
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384"
    )
    assert_nothing_left(config, room)


def test_another_database_is_loaded_beside(config: Path, room: Path, server: LocalServer) -> None:
    """--into makes a database of its own, and the live one stays as it is."""
    server.sql("DELETE FROM odd_values")
    done = alt_backup(config, "restore", VOLUME, "--into", "aside", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.sql("SELECT count(*) FROM odd_values") == "0"
    assert server.sql("SELECT count(*) FROM pg_database WHERE datname = 'aside'") == "1"
    assert_nothing_left(config, room)
