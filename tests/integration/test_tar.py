"""A volume as one archive, with a real restic and a real busybox: it opens without this package."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.dumps.record import RECORD_NAME, read_record
from alt_backup_assets.dumps.tar import archive
from alt_backup_assets.dumps.tree import read_tree
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.drill import Target, drill, newest_target
from tests.planting import cut_to_a_third, plant, restored
from tests.programs import program
from tests.sites import alt_backup, leftovers, make_template, make_tokens, write_site

pytestmark = pytest.mark.integration

VOLUME = "old_data"
ARCHIVE = "volume.tar.gz"


@pytest.fixture(name="room", scope="module")
def _room() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ab-") as directory:
        volume = Path(directory) / VOLUME
        make_tokens(volume)
        deep = volume.joinpath(*["a directory with a long name" * 4] * 3)
        deep.mkdir(parents=True)
        (deep / ("é" * 120)).write_bytes(os.urandom(3000))
        (volume / "far").symlink_to("/nowhere/" + "y" * 180)
        (volume / "owned").write_text("owned")
        if os.geteuid() == 0:
            os.chown(volume / "owned", 999, 3_000_000_000)  # more than octal digits have room for
        (volume / "owned").chmod(0o6750)
        volume.chmod(0o1777)
        yield Path(directory)


@pytest.fixture(name="config", scope="module")
def _config(room: Path, restic_binary: Path) -> Path:
    stopped = {"running": ["/bin/false"], "start": ["/bin/true"], "stop": ["/bin/true"]}
    return write_site(
        room / "site",
        platform={
            "kind": "local",
            "name": "this-machine",
            "services": {"old": stopped},
            "volumes": {VOLUME: str(room / VOLUME)},
        },
        volumes={VOLUME: {"service": "old", "engine": "tar", "category": "data"}},
        restic=restic_binary,
        scratch=room / "scratch",
        template=make_template(room / "template", restic_binary),
    )


@pytest.fixture(name="site", scope="module")
def _site(config: Path) -> Site:
    return open_site(config)


@pytest.fixture(name="target", scope="module")
def _target(site: Site) -> Target:
    (done,) = back_up(site, dumps=(VOLUME,), snapshots=(VOLUME,), day=site.today, notify=str)
    assert done.error is None
    return newest_target(site, VOLUME)


def test_proven_and_put_back(site: Site, config: Path, room: Path, target: Target) -> None:
    """Destroyed, the volume comes back with every name, byte, owner and mode."""
    proof = drill(site, target)
    assert proof is not None
    assert (proof.verdict, proof.differences) == ("PROVEN", ())
    before, mode = read_tree(room / VOLUME), (room / VOLUME).stat().st_mode
    (room / VOLUME / "owned").unlink()
    (room / VOLUME / "rubbish").touch()
    which = ("--snapshot", target.snapshot.id)
    done = alt_backup(config, "restore", VOLUME, *which)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_tree(room / VOLUME) == before
    assert (room / VOLUME).stat().st_mode == mode
    assert leftovers(site) == []


def test_busybox_lists_and_unpacks_it(
    site: Site, room: Path, target: Target, tmp_path: Path
) -> None:
    """Long names, large numbers and links included; the tree is the volume's."""
    busybox = str(program("busybox"))
    with restored(site, target) as files:
        file = str(files / ARCHIVE)
        listed = subprocess.run([busybox, "tar", "-tzf", file], capture_output=True, check=True)
        unpack = [busybox, "tar", "-xzf", file, "-C", str(tmp_path)]
        subprocess.run(unpack, capture_output=True, check=True)
        content = read_record(files).content
    assert read_tree(tmp_path) == content
    names = {os.fsdecode(line).removeprefix("./") for line in listed.stdout.splitlines()}
    assert {entry.path for entry in read_tree(room / VOLUME).entries} <= {
        name.rstrip("/") for name in names
    }


def test_what_busybox_packs_is_read(room: Path, tmp_path: Path) -> None:
    """An archive of its own making is the same volume, but for a number it cannot write."""
    busybox, made = str(program("busybox")), tmp_path / ARCHIVE
    pack = [busybox, "tar", "-czf", str(made), "-C", str(room / VOLUME), "."]
    subprocess.run(pack, capture_output=True, check=True)
    found = read_tree(room / VOLUME).differences(archive.read(made))
    assert [said for said in found if not said.startswith("owned: owner is 999:")] == []


def test_a_cut_archive(site: Site, target: Target) -> None:
    """It cannot be read to its end, though the record was made to agree with it."""
    with restored(site, target) as files:
        damaged = plant(
            site, target, files, lambda copy: cut_to_a_third(copy / ARCHIVE), hashes=True
        )
    proof = drill(site, damaged)
    assert proof is not None
    assert proof.verdict == "FAILED"
    assert "cannot be read to its end" in "\n".join(proof.differences)


def test_a_lost_member(site: Site, target: Target, room: Path) -> None:
    """An archive of a volume with less in it: what is missing is named."""

    def change(copy: Path) -> None:
        (copy / ARCHIVE).unlink()
        smaller = room / "smaller"
        make_tokens(smaller)
        record = read_record(copy)
        _, written = archive.write(smaller, copy / ARCHIVE)
        record = record.model_copy(update={"artifacts": (written,)})
        (copy / RECORD_NAME).write_text(record.model_dump_json())

    with restored(site, target) as files:
        damaged = plant(site, target, files, change, hashes=False)
    proof = drill(site, damaged)
    assert proof is not None
    assert proof.verdict == "FAILED"
    assert "owned is missing" in proof.differences
