"""Planted faults: each turns the drill red and says what differs, and nothing stays behind.

What can be found without restoring (hashes) and what only the restored server shows are planted
apart: with ``hashes`` the record agrees with the damage.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from docker.errors import NotFound

from alt_backup_assets.dumps.planting import Change
from alt_backup_assets.errors import WrongPassword
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.status.read import read_status
from alt_backup_assets.verification.drill import Target, drill, newest_target
from alt_backup_assets.verification.drill_all import drill_all
from alt_backup_assets.verification.proof import Proof
from tests.end_to_end.stack import Stack, assert_nothing_left
from tests.planting import cut_to_a_third, plant, restored, without_lines
from tests.sites import database
from tests.tampering import TamperedPlatform

pytestmark = pytest.mark.end_to_end

VOLUME = "kratos_db_data"
ARCHIVE = "kratos.dump"
OTHER = "hydra_db_data"
OTHER_ARCHIVE = "hydra.dump"
VOLUMES = {
    VOLUME: database("kratos-db", "kratos_user", "kratos", major=15),
    OTHER: database("kratos-db", "kratos_user", "hydra", major=15),
}


@dataclass(frozen=True)
class Bench:
    """A site with sound snapshots.

    Attributes:
        site: The site; its platform notes every throw-away target.
        platform: That platform.
        sound: The newest snapshot of the volume that is damaged.
        files: What is in it.
        older: What is in the one before; the live table moved on in between.
        other: What is in the newest snapshot of another volume, from the same server.
    """

    site: Site
    platform: TamperedPlatform
    sound: Target
    files: Path
    older: Path
    other: Path

    def drill(self, target: Target) -> Proof:
        """Drill a snapshot."""
        proof = drill(self.site, target)
        assert proof is not None
        return proof

    def drill_planted(self, change: Change, *, hashes: bool) -> Proof:
        """Drill a damaged copy of the sound snapshot."""
        return self.drill(plant(self.site, self.sound, self.files, change, hashes=hashes))


@pytest.fixture(scope="module", name="bench")
def _bench(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    stack.kratos.sql("CREATE DATABASE hydra")
    site = open_site(stack.site(tmp_path_factory.mktemp("site"), volumes=VOLUMES))
    platform = TamperedPlatform(site.platform)
    site = replace(site, platform=platform)
    back_up_now(site, VOLUME)
    older = newest_target(site, VOLUME)
    stack.kratos.sql("INSERT INTO moving (note) VALUES ('after the older dump')")
    back_up_now(site, VOLUME, OTHER)
    sound = newest_target(site, VOLUME)
    with ExitStack() as opened:
        targets = (sound, older, newest_target(site, OTHER))
        files, before, other = (opened.enter_context(restored(site, t)) for t in targets)
        yield Bench(site, platform, sound, files, before, other)
    # Another site would be warned of a database that it does not back up.
    stack.kratos.sql("DROP DATABASE hydra")


@pytest.fixture(autouse=True)
def _nothing_stays(stack: Stack, bench: Bench) -> Iterator[None]:
    yield
    assert_nothing_left(stack.project, bench.site)
    for volume in bench.platform.volumes:
        with pytest.raises(NotFound):
            stack.project.client.volumes.get(volume)


def back_up_now(site: Site, *volumes: str) -> None:
    """Dump volumes and take their snapshots."""
    done = back_up(site, dumps=volumes, snapshots=volumes, day=site.today, notify=str)
    assert [ended.error for ended in done] == [None] * len(volumes)


def assert_red(proof: Proof, *sentences: str) -> None:
    """Fail unless the drill failed and says so in these words."""
    said = "\n".join(proof.differences)
    assert proof.verdict == "FAILED", said
    for sentence in sentences:
        assert re.search(sentence, said), said


def test_without_a_fault_the_drill_is_green(bench: Bench) -> None:
    """What is red below is red for the fault: the same snapshot, untouched, is proven.

    The throw-away container had an anonymous volume, so its removal was looked at.
    """
    proof = bench.drill_planted(lambda _: None, hashes=True)
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    assert bench.platform.volumes


def test_one_row_changed_in_the_restored_copy(bench: Bench) -> None:
    """A single row that is not as it was is found, and its table is named."""
    statement = "UPDATE moving SET n = n + 1 WHERE id = 7"
    argv = ("psql", "-X", "-U", "kratos_user", "-d", "kratos", "-c", statement)
    site = replace(bench.site, platform=TamperedPlatform(bench.site.platform, argv))
    proof = drill(site, bench.sound)
    assert proof is not None
    assert_red(proof, r'^kratos: "public"\."moving" has other content in its \d+ rows$')
    assert len(proof.differences) == 1
    assert [line.equal for line in proof.compared][:2] == [False, True]


def test_a_dump_cut_to_a_third_with_its_hash(bench: Bench) -> None:
    """The hash taken while it was written tells; no server is started for it."""
    made = len(bench.platform.directories)
    proof = bench.drill_planted(lambda files: cut_to_a_third(files / ARCHIVE), hashes=False)
    assert_red(proof, rf"^{ARCHIVE} has \d+ bytes, \d+ were written$")
    assert len(bench.platform.directories) == made


def test_a_dump_cut_to_a_third_that_its_record_agrees_with(bench: Bench) -> None:
    """pg_restore itself meets the cut, and its words are in the proof."""
    proof = bench.drill_planted(lambda files: cut_to_a_third(files / ARCHIVE), hashes=True)
    assert_red(proof, "pg_restore exited with 1", "could not read from input file|end of file")


def test_a_dump_of_0_bytes_that_its_record_agrees_with(bench: Bench) -> None:
    """An empty file restores nothing, and that is not a success."""
    proof = bench.drill_planted(lambda files: empty(files / ARCHIVE), hashes=True)
    assert_red(proof, "pg_restore exited with 1", "input file is too short")


def test_the_dump_of_another_volume_under_this_ones_tags(bench: Bench) -> None:
    """Two whole dumps swapped: the record inside says whose it is."""

    def swap(files: Path) -> None:
        shutil.rmtree(files)
        shutil.copytree(bench.other, files)

    proof = bench.drill_planted(swap, hashes=False)
    assert_red(proof, f"the snapshot is of volume {VOLUME}, the dump in it of {OTHER}")


def test_the_archive_of_another_volume_in_this_ones_dump(bench: Bench) -> None:
    """Two archives swapped: another database came back than the one that was recorded."""

    def swap(files: Path) -> None:
        shutil.copyfile(bench.other / OTHER_ARCHIVE, files / ARCHIVE)

    proof = bench.drill_planted(swap, hashes=True)
    assert_red(proof, 'database "kratos" does not exist')


def test_an_older_dump_under_a_newer_record(bench: Bench) -> None:
    """Restores without a word; only the fingerprint knows that a row is missing."""

    def swap(files: Path) -> None:
        shutil.copyfile(bench.older / ARCHIVE, files / ARCHIVE)

    proof = bench.drill_planted(swap, hashes=True)
    assert_red(proof, r'^kratos: "public"\."moving" has \d+ rows, \d+ were recorded')
    shown = proof.compared[0]
    assert (shown.name, shown.recorded - (shown.restored or 0)) == ('kratos."public"."moving"', 1)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (b"CREATE ROLE readers;", 'role "readers" does not exist'),
        (b"lonely", "^role lonely is missing$"),
        (b"ALTER ROLE lonely", "^role lonely differs$"),
    ],
    ids=["its creation", "unused", "its password"],
)
def test_a_missing_role(bench: Bench, word: bytes, sentence: str) -> None:
    """A role that may something stops the restore; one that only logs in is missed too."""
    proof = bench.drill_planted(
        lambda files: without_lines(files / "globals.sql", word), hashes=True
    )
    assert_red(proof, sentence)


def test_a_wrong_password(bench: Bench) -> None:
    """A password file that does not open the repository is said to, and its content is not."""
    file = bench.site.config.repositories.local.password_file
    password = file.read_text()
    file.write_text("hunter2-is-wrong\n")
    try:
        proof = bench.drill(bench.sound)
        assert_red(proof, r"repository: .*the password file does not open the repository")
        volume = bench.site.registry.volume(VOLUME)
        (done,) = drill_all(bench.site, [volume], newest(bench), notify=str)
        with pytest.raises(WrongPassword) as caught:
            bench.site.local.snapshots(host=bench.site.name)
        status = read_status(bench.site)
    finally:
        file.write_text(password)
    assert done.proof is None
    assert done.error == str(caught.value)
    assert "hunter2" not in f"{done.error} {proof.differences}"
    assert status.verdict == "CRITICAL"
    assert any("the local repository cannot be read" in reason for reason in status.reasons)


def newest(bench: Bench) -> Callable[[object], Target]:
    """Return what chooses the newest snapshot of the volume."""
    return lambda _: newest_target(bench.site, VOLUME)


def empty(path: Path) -> None:
    """Empty a file."""
    path.write_bytes(b"")


def test_a_failed_drill_is_kept_and_makes_the_status_critical(bench: Bench) -> None:
    """The newest drill of the volume failed: that outweighs its sound snapshots."""
    proof = bench.drill_planted(lambda files: empty(files / ARCHIVE), hashes=False)
    assert_red(proof, rf"^{ARCHIVE} has 0 bytes, \d+ were written$")
    status = read_status(bench.site)
    (volume,) = (v for v in status.volumes if v.name == VOLUME)
    assert (status.verdict, volume.verdict) == ("CRITICAL", "CRITICAL")
    assert any(proof.differences[0] in reason for reason in volume.reasons)
