"""The main job on this machine, with a real PostgreSQL and real repositories: no Docker.

The same faults and kills as on Docker; what only the local platform has is looked at too: no
server of a drill keeps running.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.take import store
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from alt_backup_assets.snapshots.tags import DumpTags
from alt_backup_assets.status.read import read_status
from alt_backup_assets.tools.restic import Restic
from alt_backup_assets.verification.drill import Target, drill, newest_target
from alt_backup_assets.verification.proof import Source
from tests.killing import (
    KilledContract,
    Machine,
    assert_succeeds,
    killed,
    saves,
    slowed,
)
from tests.local_postgresql import LocalServer, local_server
from tests.planting import cut_to_a_third, plant, restored
from tests.sites import FILES, database, leftovers, make_template, make_tokens, write_site
from tests.tampering import TamperedPlatform

pytestmark = pytest.mark.integration

# A restic that leaves out one of the files, and ends as one that could not read it.
PARTIAL = """\
#!/bin/sh
case "$*" in
    *" backup "*) {restic} --exclude=token.json "$@"; exit 3 ;;
    *) exec {restic} "$@" ;;
esac
"""
VOLUME = "recap_db_data"
TOKENS = "oauth_token_data"
DRILLS: tuple[tuple[str, Source], ...] = ((VOLUME, "offsite"), (TOKENS, "local"))


@pytest.fixture(scope="module", name="room")
def _room(restic_binary: Path) -> Iterator[Path]:
    # Short: a socket's path has 107 characters at most.
    with TemporaryDirectory(prefix="ab-") as directory:
        make_tokens(Path(directory) / TOKENS)
        make_template(Path(directory) / "template", restic_binary)
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
        template=room / "template",
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


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody waited for has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


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
    for volume, source in DRILLS:
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


def test_a_dump_cut_to_a_third(site: Site, server: LocalServer) -> None:
    """Met by the restore itself, where the record agrees with the damage."""
    target = newest_target(site, VOLUME)
    with restored(site, target) as files:
        cut = plant(
            site, target, files, lambda copy: cut_to_a_third(copy / "recap.dump"), hashes=True
        )
    assert "pg_restore exited with 1" in red(site, cut)
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


def test_a_snapshot_made_in_part_is_made_again(site: Site, tmp_path: Path) -> None:
    """Exit code 3 of restic is a failure, and what it saved does not pass for the dump later."""
    script = tmp_path / "restic"
    script.write_text(PARTIAL.format(restic=site.config.restic))
    script.chmod(0o755)
    cache = site.state / "restic-cache"
    partial = Restic(site.config.repositories.local, binary=script, cache_dir=cache)
    (failed,) = back_up_run(replace(site, local=partial))
    assert "(exit code 3)" in str(failed.error)
    (done,) = back_up_run(site)
    assert done.snapshot is not None
    assert done.snapshot.is_new
    assert failed.dump == done.dump
    assert len(site.local.snapshots(tag=DumpTags.of(done.snapshot.dump.record).dump)) == 2
    proof = drill(site, Target(TOKENS, done.snapshot.snapshot, "local"))
    assert proof is not None
    assert proof.verdict == "PROVEN"


def back_up_run(site: Site) -> list[BackedUp]:
    """Back up the volume of files in one and the same run, which a rerun continues."""
    names = (TOKENS,)
    day = site.today
    return list(back_up(site, dumps=names, snapshots=names, day=day, root_run="run", notify=str))


class TestKilledOnThisMachine(KilledContract):
    """The contract, with processes."""

    exclusive = "check"

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
        """A restic that outlives its run is ended before the rerun puts other files before it."""
        repository = Path(machine.site.local.url)
        with killed(machine.slow, "backup", when=lambda: saves(repository), spare_restic=True) as (
            orphan,
        ):
            assert is_alive(orphan)
            assert_succeeds(machine.config, "backup")
            assert not is_alive(orphan)
        (snapshot,) = machine.site.local.snapshots()
        (dump,) = store(machine.site).dumps(VOLUME)[1:]
        assert DumpTags.of(dump.record).dump in snapshot.tags
