"""The scripted platform of other tests keeps the promises a script can keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.errors import (
    AltBackupError,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.seam import Platform
from tests.fakes.platform import RUNTIME, Answer, Call, FakePlatform


def test_it_is_a_platform(tmp_path: Path) -> None:
    """It stands where a platform does, near misses included."""
    fake = FakePlatform()
    fake.add("live-db")
    fake.volumes["live_data"] = tmp_path
    platform: Platform = fake
    assert platform.service("live-db").runtime == RUNTIME
    assert platform.volume_path("live_data", "live-db") == tmp_path
    with pytest.raises(ServiceNotFound, match="did you mean `live-db`"):
        platform.service("live_db")
    with pytest.raises(VolumeUnreadable, match="did you mean `live_data`"):
        platform.volume_path("live-data", "live-db")


def test_the_longest_script_answers_and_calls_are_kept() -> None:
    """Words are found in order; answers come one after the other, the last one stays."""
    db = FakePlatform().add("db")
    db.script("psql", answers=[Answer(b"first"), Answer(b"then")])
    db.script("psql", "-c", "SELECT 1", answers=[Answer(b"1")])
    taken = bytearray()
    assert db.run(["psql", "-U", "me"], timeout_seconds=1) == b"first"
    assert db.run(["psql", "-c", "SELECT 1"], timeout_seconds=1) == b"1"
    assert db.run(["psql"], timeout_seconds=1, stdout=taken.extend, stdin=b"in") == b""
    assert db.run(["psql"], timeout_seconds=1) == taken == b"then"
    assert db.calls[2] == Call("db (fake)", ("psql",), b"in")


def test_a_command_nobody_scripted_is_an_error_of_the_test() -> None:
    """It is no `ToolFailed`, which the code under test might expect."""
    with pytest.raises(AssertionError, match="nobody scripted"):
        FakePlatform().add("db").run(["psql"], timeout_seconds=1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(b"part", exit_code=3, stderr="sorry"), ToolFailed),
        (Answer(b"part", vanish=True), ServiceVanished),
        (Answer(b"part", too_slow=True), ToolTimeout),
        (Answer(missing=True), ToolMissing),
    ],
)
def test_faults_come_after_the_output(answer: Answer, error: type[AltBackupError]) -> None:
    """A part of the stream has been taken when the fault shows, in a session too."""
    db = FakePlatform().add("db")
    db.script("pg_dump", answers=[answer])
    taken = bytearray()
    with pytest.raises(error):
        db.run(["pg_dump"], timeout_seconds=1, stdout=taken.extend)
    assert bytes(taken) == answer.stdout
    with db.open(["pg_dump"]) as session, pytest.raises(error):
        session.read_line(timeout_seconds=1)


def test_a_session_replies_and_its_input_is_kept() -> None:
    """What was written is in the call; a session without a reply has ended."""
    db = FakePlatform().add("db")
    db.script("psql", answers=[Answer(b"hello\n", reply=bytes.upper), Answer(b"x\n")])
    with db.open(["psql"], env={"A": "1"}) as session:
        assert session.read_line(timeout_seconds=1) == b"hello"
        session.write(b"a\nb\n")
        assert session.read_line(timeout_seconds=1) == b"A"
        assert session.read_line(timeout_seconds=1) == b"B"
        with pytest.raises(ToolTimeout):
            session.read_line(timeout_seconds=1)
    assert db.calls == [Call("db (fake)", ("psql",), b"a\nb\n", {"A": "1"})]
    with db.open(["psql"]) as session:
        assert session.read_line(timeout_seconds=1) == b"x"
        with pytest.raises(ToolFailed):
            session.read_line(timeout_seconds=1)


def test_targets_are_counted_and_take_files(tmp_path: Path) -> None:
    """A target that was not left shows, and so does what was put into it."""
    fake = FakePlatform()
    source = tmp_path / "db.dump"
    source.write_bytes(b"PGDMP")
    with fake.throwaway("db", RUNTIME, user="postgres") as place:
        assert fake.open_targets == 1
        assert place.files[place.put(source)] == b"PGDMP"
    assert fake.open_targets == 0
    assert fake.thrown == [("db", RUNTIME, "postgres")]


def test_orphans_are_swept_once() -> None:
    """A second sweep finds nothing."""
    fake = FakePlatform()
    fake.orphans = ("old",)
    assert (fake.sweep(), fake.sweep()) == (("old",), ())
