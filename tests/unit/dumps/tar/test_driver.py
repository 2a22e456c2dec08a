"""Volumes as one archive, on real directories: it holds the source, and damage always shows."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import DumpRecord, artifact_differences
from alt_backup_assets.dumps.tar import archive, driver
from alt_backup_assets.dumps.tree import paths_in, read_tree
from alt_backup_assets.errors import (
    AltBackupError,
    ArchiveError,
    DumpFailed,
    NotEnoughSpace,
    VolumeUnreadable,
)
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import targz
from tests.fakes.files import entry_of
from tests.fakes.platform import FakePlatform
from tests.fakes.site import Machine

VOLUME = Volume(name="old_data", service="old", engine="tar", category="data")
LONG = "/".join(["é" * 60] * 4) + "/name that is longer than a header of tar has room for"


@dataclass
class Bench:
    """A volume on the disk, and an empty directory for its dump."""

    source: Path
    directory: Path
    platform: FakePlatform = field(default_factory=FakePlatform)

    @property
    def archive(self) -> Path:
        """The dump's one file."""
        return self.directory / "volume.tar.gz"

    def dump(self) -> Dumped:
        """Take the dump."""
        return driver.dump(VOLUME, self.platform, self.directory)

    def content(self) -> FilesContent:
        """Take the dump and return its manifest."""
        content = self.dump().content
        assert isinstance(content, FilesContent)
        return content


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "volume", tmp_path / "dump")
    bench.platform.volumes[VOLUME.name] = bench.source
    for made in (bench.source, bench.directory):
        made.mkdir()
    (bench.source / "token.json").write_bytes(b"secret")
    (bench.source / "token.json").chmod(0o4640)
    (bench.source / "hollow").mkdir(mode=0o1750)
    (bench.source / "latest").symlink_to("token.json")
    (bench.source / "away").symlink_to("/etc/" + "x" * 150)
    (bench.source / LONG).parent.mkdir(parents=True)
    (bench.source / LONG).write_bytes(os.urandom(70_000))
    Path(os.fsdecode(os.fsencode(bench.source) + b"/not-\xff-utf8")).touch()
    bench.source.chmod(0o2755)
    return bench


@pytest.fixture(name="record")
def _record(machine: Machine) -> DumpRecord:
    return machine.dump().record


def test_the_archive_holds_the_source(bench: Bench, record: DumpRecord) -> None:
    """Names of any length, bytes, modes, owners and links; read again it is the same."""
    if os.geteuid() == 0:
        os.chown(bench.source / "token.json", 1000, 3_000_000_000)
    dumped = bench.dump()
    assert dumped.content == read_tree(bench.source)
    assert driver.rehearse(record, bench.directory, bench.platform) == dumped.content
    assert [path.name for path in bench.directory.iterdir()] == ["volume.tar.gz"]
    record = record.model_copy(update={"artifacts": dumped.artifacts})
    assert artifact_differences(record, bench.directory) == ()
    assert (dumped.runtime, dumped.server_version) == (None, "")


def test_laid_out_it_is_the_source(bench: Bench, record: DumpRecord) -> None:
    """Everything, and the mode of the volume itself."""
    bench.dump()
    tree = driver.lay_out(record, bench.directory)
    assert read_tree(tree) == read_tree(bench.source)
    assert (tree.stat().st_mode, tree.stat().st_uid) == (
        bench.source.stat().st_mode,
        bench.source.stat().st_uid,
    )


def test_what_holds_no_data_is_left_out_and_named(bench: Bench) -> None:
    """A pipe is not read, which would wait for ever."""
    os.mkfifo(bench.source / "pipe")
    assert bench.content().skipped == ("pipe",)
    assert "./pipe" not in tarfile.open(bench.archive).getnames()  # noqa: SIM115


@pytest.mark.parametrize("size", [3, 90_000], ids=["shorter", "longer"])
def test_a_file_that_changes_while_it_is_read(
    bench: Bench, record: DumpRecord, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """It is marked and not compared; the archive stays whole behind it."""
    changing = bench.source / "growing"
    changing.write_bytes(b"x" * 20_000)
    real = os.fstat

    def change(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if Path(f"/proc/self/fd/{descriptor}").readlink() == changing:
            os.truncate(changing, size)
        return status

    monkeypatch.setattr(os, "fstat", change)
    content = bench.content()
    assert entry_of(content, "growing").changed
    assert [entry.path for entry in content.entries if entry.changed] == ["growing"]
    again = driver.rehearse(record, bench.directory, bench.platform)
    assert content.differences(again) == ()
    assert entry_of(again, "growing").size_bytes == 20_000


def test_a_file_that_goes_away_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not in the volume at the end; the others are in."""
    paths = list(paths_in(bench.source))
    monkeypatch.setattr(archive, "paths_in", lambda _source: ["gone", *paths])
    content = bench.content()
    assert "gone" not in {entry.path for entry in content.entries}
    assert len(content.entries) == len(paths)


def _rewrite(path: Path, change: Callable[[tarfile.TarInfo], tarfile.TarInfo | None]) -> None:
    """Write an archive again with other members; None leaves one out."""
    packed = io.BytesIO()
    with (
        tarfile.open(path) as old,
        tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in old:
            stream = old.extractfile(member) if member.isreg() else None
            if (changed := change(member)) is not None:
                new.addfile(changed, stream)
    path.write_bytes(packed.getvalue())


def _mode(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o666 if member.name == "./token.json" else member.mode
    return member


def _link(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.linkname = "elsewhere" if member.name == "./latest" else member.linkname
    return member


def _bytes(path: Path) -> None:
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data.replace(b"secret", b"SECRET")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_bytes, "token.json has other content in its 6 bytes"),
        (lambda path: _rewrite(path, _mode), "token.json: mode is 438, 2464 was recorded"),
        (lambda path: _rewrite(path, _link), "latest has other content in its 0 bytes"),
        (
            lambda path: _rewrite(path, lambda m: None if m.name == "./hollow" else m),
            "hollow is missing",
        ),
    ],
    ids=["other bytes", "other mode", "other link", "removed"],
)
def test_whatever_happens_to_a_member_shows(
    bench: Bench, record: DumpRecord, change: Callable[[Path], object], said: str
) -> None:
    """The rehearsal reads what came back, and it is not what was recorded."""
    content = bench.content()
    change(bench.archive)
    again = driver.rehearse(record, bench.directory, bench.platform)
    assert content.differences(again) == (said,)


def _without_end(packed: bytes) -> bytes:
    data = gzip.decompress(packed)
    blocks = -(-len(data.rstrip(b"\0")) // tarfile.BLOCKSIZE)
    return data[: blocks * tarfile.BLOCKSIZE]


def _evil(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        with tarfile.open(path, mode="w:gz") as made:
            made.addfile(member)

    return write


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 3), "to its end"),
    "empty": (lambda path: os.truncate(path, 0), "to its end"),
    "no gzip": (lambda path: path.write_bytes(b"x" * 5000), "to its end"),
    "no end": (
        lambda path: path.write_bytes(gzip.compress(_without_end(path.read_bytes()))),
        "no end mark",
    ),
    "gone": (lambda path: path.unlink(), "No such file"),
    "absolute": (_evil("/etc/passwd"), "leads outside"),
    "above": (_evil("./a/../../b"), "leads outside"),
    "hard link": (_evil("./a", tarfile.LNKTYPE, "../b"), "leads outside"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_archive_that_cannot_be_used(bench: Bench, record: DumpRecord, name: str) -> None:
    """Neither a drill nor a restore takes it, and nothing is written outside."""
    damage, said = UNREADABLE[name]
    bench.dump()
    damage(bench.archive)
    with pytest.raises(ArchiveError, match=said):
        driver.rehearse(record, bench.directory, bench.platform)
    with pytest.raises(ArchiveError, match=said):
        driver.lay_out(record, bench.directory)


def test_too_little_room_is_told_before_anything_is_written(
    bench: Bench, record: DumpRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both numbers are in the message."""
    bench.dump()
    huge = tarfile.TarInfo("./huge")
    huge.size = 1 << 60
    found = [targz.Member(path="huge", info=huge, sha256="")]
    monkeypatch.setattr(targz, "members", lambda _path: found)
    with pytest.raises(NotEnoughSpace, match=str(1 << 60)):
        driver.lay_out(record, bench.directory)


def _nothing(bench: Bench) -> None:
    for path in bench.source.iterdir():
        if path.is_file() and not path.is_symlink():
            path.unlink()
    (bench.source / LONG).unlink()


def _no_volume(bench: Bench) -> None:
    bench.source.rename(bench.source.parent / "other")


@pytest.mark.parametrize(
    ("prepare", "kind", "said"),
    [
        (_nothing, DumpFailed, "an empty volume never replaces the last good dump"),
        (_no_volume, DumpFailed, "No such file"),
    ],
)
def test_a_source_that_is_no_dump(
    bench: Bench, prepare: Callable[[Bench], object], kind: type[AltBackupError], said: str
) -> None:
    """An emptied volume, or one that is not there."""
    prepare(bench)
    with pytest.raises(kind, match=said):
        bench.dump()


@pytest.mark.parametrize(
    ("number", "kind"), [(13, VolumeUnreadable), (5, DumpFailed), (28, DumpFailed)]
)
def test_an_error_of_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[AltBackupError]
) -> None:
    """A file that cannot be read, or a disk that is full, in the system's own words."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "token.json")

    monkeypatch.setattr(tarfile.TarFile, "addfile", fail)
    with pytest.raises(kind, match=os.strerror(number)):
        bench.dump()
