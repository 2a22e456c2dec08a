"""The main job on this machine, with a real PostgreSQL and real repositories: no Docker.

The same faults and kills as on Docker; what only the local platform has is looked at too: no
server of a drill keeps running.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.take import store
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.status.read import read_status
from alt_backup_assets.verification.drill import Target, drill, newest_target
from tests.killing import (
    KilledContract,
    Machine,
    assert_converges,
    killed,
    restic_of,
    saves,
    slowed,
)
from tests.local_postgresql import LocalServer, local_server
from tests.planting import cut_to_a_third, plant, restored, without_lines
from tests.sites import FILES, database, leftovers, make_tokens, write_site
from tests.tampering import TamperedPlatform

pytestmark = pytest.mark.integration

VOLUME = "recap_db_data"
TOKENS = "oauth_token_data"


@pytest.fixture(scope="module", name="room")
def _room() -> Iterator[Path]:
    # Short: a socket's path has 107 characters at most.
    with TemporaryDirectory(prefix="ab-") as directory:
        make_tokens(Path(directory) / TOKENS)
        yield Path(directory)


@pytest.fixture(scope="module", name="server")
def _server(room: Path) -> Iterator[LocalServer]:
    directory = room / "server"
    directory.mkdir()
    with local_server(directory, user="recap_user", database="recap", ballast=2000) as server:
        yield server


def write(directory: Path, room: Path, server: LocalServer, restic: Path, *volumes: str) -> Path:
    """Write the files of a site with these volumes; its scratch has a short path."""
    entries = {VOLUME: database("recap-db", "recap_user", "recap", major=18), TOKENS: FILES}
    platform = {
        "kind": "local",
        "name": "this-machine",
        "services": {"recap-db": server.service},
        "volumes": {TOKENS: str(room / TOKENS)},
    }
    return write_site(
        directory,
        platform=platform,
        volumes={name: entries[name] for name in volumes},
        restic=restic,
        offsite={"url": f"{directory}/elsewhere"} if TOKENS in volumes else None,
        scratch=room / "scratch",
    )


@pytest.fixture(scope="module", name="site")
def _site(
    room: Path,
    server: LocalServer,
    restic_binary: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    directory = tmp_path_factory.mktemp("site")
    site = open_site(write(directory, room, server, restic_binary, VOLUME, TOKENS))
    names = (VOLUME, TOKENS)
    done = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
    assert {ended.error for ended in done} == {None}
    return site


def processes_in(directory: Path) -> list[str]:
    """Return the command lines of the processes that work inside a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where, command = (process / "cwd").readlink(), (process / "cmdline").read_bytes()
        except OSError:
            continue  # it ended while we looked
        if directory in where.parents:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def assert_nothing_left(site: Site, server: LocalServer) -> None:
    """Fail if a process or a directory of a dump, snapshot or drill is still there."""
    assert processes_in(site.scratch) == []
    assert leftovers(site) == []
    assert connections(server) == 0


def connections(server: LocalServer) -> int:
    """Return how many connections of ours the live server has."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'alt-backup%'"
    return int(server.sql(ours))


def red(site: Site, target: Target) -> str:
    """Drill a snapshot that must fail, and return what is said."""
    proof = drill(site, target)
    assert proof is not None
    assert proof.verdict == "FAILED"
    return "\n".join(proof.differences)


def test_every_volume_is_proven_here_and_elsewhere(site: Site, server: LocalServer) -> None:
    """Dump, snapshot, copy and drill with nothing but programs of this machine."""
    assert {copied.volume for copied in copy_snapshots(site, (VOLUME, TOKENS))} == {VOLUME, TOKENS}
    for volume in (VOLUME, TOKENS):
        for source in ("local", "offsite"):
            proof = drill(site, newest_target(site, volume, source=source))
            assert proof is not None
            assert (proof.verdict, proof.differences) == ("PROVEN", ())
    status = read_status(site)
    assert (status.verdict, status.reasons) == ("GOOD", ())
    assert status.posture.copies == 3
    assert_nothing_left(site, server)


def test_one_row_changed_in_the_restored_copy(site: Site, server: LocalServer) -> None:
    """A single row is found, and its table is named."""
    change = "UPDATE odd_values SET n = n + 1 WHERE id = 2"
    argv = ("psql", "-X", "-U", "recap_user", "-d", "recap", "-c", change)
    tampered = replace(site, platform=TamperedPlatform(site.platform, argv))
    said = red(tampered, newest_target(site, VOLUME))
    assert said == 'recap: "public"."odd_values" has other content in its 3 rows'
    assert_nothing_left(site, server)


def test_a_damaged_dump(site: Site, server: LocalServer) -> None:
    """Cut to a third, or with a role less: met by the restore where the hashes agree."""
    target = newest_target(site, VOLUME)
    with restored(site, target) as files:
        cut = plant(
            site, target, files, lambda copy: cut_to_a_third(copy / "recap.dump"), hashes=True
        )
        roleless = plant(
            site, target, files, lambda copy: without_lines(copy / "globals.sql", b"ROLE readers"),
            hashes=True,
        )
    assert "pg_restore exited with 1" in red(site, cut)
    assert 'role "readers" does not exist' in red(site, roleless)
    assert_nothing_left(site, server)


def test_a_changed_file(site: Site, server: LocalServer) -> None:
    """A file of a plain volume that came back otherwise is named."""
    target = newest_target(site, TOKENS)
    with restored(site, target) as files:
        changed = plant(
            site,
            target,
            files,
            lambda copy: (copy / "files" / "token.json").write_text("{}"),
            hashes=False,
        )
    assert "token.json" in red(site, changed)


def test_an_emptied_volume_is_no_dump(site: Site, room: Path) -> None:
    """The good dump stays, and the other volume goes on."""
    before = store(site).dumps(TOKENS)
    (room / TOKENS).rename(room / "aside")
    try:
        (room / TOKENS).mkdir()
        names = (VOLUME, TOKENS)
        running = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
        ended = {done.volume: done for done in running}
        (room / TOKENS).rmdir()
    finally:
        (room / "aside").rename(room / TOKENS)
    assert "holds no file" in str(ended[TOKENS].error)
    assert ended[VOLUME].snapshot is not None
    assert store(site).dumps(TOKENS) == before
    assert leftovers(site) == []


class TestKilledOnThisMachine(KilledContract):
    """The contract, with processes."""

    @pytest.fixture(name="machine")
    def _machine(
        self, room: Path, server: LocalServer, restic_binary: Path, tmp_path: Path
    ) -> Iterator[Machine]:
        config = write(tmp_path, room, server, restic_binary, VOLUME)
        scratch = room / "scratch"
        yield Machine(
            config=config,
            slow=slowed(config),
            volume=VOLUME,
            restores=lambda: any("pg_restore" in line for line in processes_in(scratch)),
            thrown=lambda: [*processes_in(scratch), *map(str, scratch.glob("alt-backup-*"))],
            connections=lambda: connections(server),
        )
        assert processes_in(scratch) == []

    def test_killed_without_its_restic(self, machine: Machine) -> None:
        """A restic that outlives its run spoils neither the rerun nor what it saves itself."""
        repository = Path(machine.site.local.url)
        with killed(machine.slow, "backup", when=lambda: saves(repository), spare_restic=True):
            assert list(restic_of(os.getpid())) == []
        assert_converges(machine)
