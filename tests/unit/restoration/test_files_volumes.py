"""Volumes of files: replaced in one step, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alt_backup_assets.errors import PlatformError, RestoreRefused
from alt_backup_assets.platforms.seam import Runtime
from alt_backup_assets.restoration import run
from alt_backup_assets.restoration.plan import Wish
from alt_backup_assets.restoration.run import scratch_directory, staging_directory
from tests.fakes.site import DB, TOKENS
from tests.unit.restoration.conftest import Bench

FORCE = Wish(force=True)
FILE = "files/deep/rows"


def newest(bench: Bench, volume: str = DB) -> str:
    """Return the id of a volume's newest snapshot."""
    return bench.machine.local.snapshots(tag=volume)[-1].id


def assert_untouched(bench: Bench) -> None:
    """Fail if anything was done to the volume or its service."""
    assert bench.read() == f"lost {DB}"
    assert bench.machine.platform.told == []
    assert bench.leftovers() == []


def test_a_stopped_volume_is_replaced(bench: Bench) -> None:
    """The snapshot's files are there, nothing else is, and no service is touched."""
    bench.stop_all()
    (bench.place() / "more").write_text("not in the snapshot")
    (done,) = bench.restore()
    assert done.differences == ()
    assert bench.read() == f"first {DB}"
    assert sorted(path.name for path in bench.place().iterdir()) == ["deep"]
    assert bench.machine.platform.told == []
    assert bench.leftovers() == []
    assert done.steps == done.plan.sentences


def test_a_running_service_is_refused(bench: Bench) -> None:
    """Its files would change under it; the message says what to do."""
    (said,) = bench.problems()
    assert "service db runs" in said
    assert "--force" in said
    with pytest.raises(RestoreRefused, match="service db runs"):
        bench.restore()
    assert_untouched(bench)


def test_force_stops_and_starts_the_service(bench: Bench) -> None:
    """It is stopped before the exchange and runs again afterwards."""
    (done,) = bench.restore(FORCE)
    assert done.differences == ()
    assert bench.read() == f"first {DB}"
    assert bench.machine.platform.told == [("stop", "db"), ("start", "db")]
    assert [step.split()[0] for step in done.steps] == ["fetch", "check", "stop", "put", "start"]


def test_an_unknown_state_is_refused_unless_forced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can tell whether the service runs, only --force goes on, and leaves it alone."""
    monkeypatch.setattr(bench.machine.platform, "is_running", lambda _service: None)
    (said,) = bench.problems()
    assert "nothing here tells whether service db runs" in said
    (done,) = bench.restore(FORCE)
    assert done.differences == ()
    assert bench.machine.platform.told == []


def test_a_service_that_is_not_there_is_refused_unless_forced(bench: Bench) -> None:
    """On the day of a disaster there may be none yet: --force restores its files without it."""
    del bench.machine.platform.services["db"]
    (said,) = bench.problems()
    assert "no service `db`" in said
    (done,) = bench.restore(FORCE)
    assert done.differences == ()
    assert bench.read() == f"first {DB}"


def test_a_failed_exchange_starts_the_service_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume is as it was, the service runs, and the message says what to do."""

    def refuse(_one: Path, other: Path) -> None:
        raise PlatformError(f"{other}: nothing was changed")

    monkeypatch.setattr(run, "exchange", refuse)
    (done,) = bench.restore(FORCE)
    assert "nothing was changed" in done.differences[0]
    assert bench.read() == f"lost {DB}"
    assert bench.machine.platform.told == [("stop", "db"), ("start", "db")]
    assert bench.leftovers() == []


def test_another_program_is_refused_unless_forced(bench: Bench) -> None:
    """Data of one version does not silently go under another; nothing is stopped or replaced."""
    bench.stop_all()
    bench.machine.platform.add("db", Runtime("db:9", "another"))
    (done,) = bench.restore()
    assert "service db is made from db:9, and the data was written by" in done.differences[0]
    assert "--force" in done.differences[0]
    assert "nothing was replaced" in done.differences[0]
    assert_untouched(bench)
    (forced,) = bench.restore(FORCE)
    assert forced.differences == ()
    assert bench.read() == f"first {DB}"


def test_a_restore_that_was_killed_is_finished_and_its_service_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed restore had stopped is started by the rerun, and by that one only."""

    def die(_service: str) -> None:
        bench.machine.platform.stopped.add("db")
        raise SystemExit  # as far as what is on the disk, the same as kill -9

    with monkeypatch.context() as dying:
        dying.setattr(bench.machine.platform, "stop", die)
        dying.setattr(bench.machine.platform, "start", lambda _service: None)
        dying.setattr(run, "forget", lambda _site, _service: None)
        with pytest.raises(SystemExit):
            bench.restore(FORCE)
    (done,) = bench.restore()
    assert done.differences == ()
    assert bench.machine.platform.told == [("start", "db")]
    assert [step.split()[0] for step in done.steps] == ["fetch", "check", "put", "start"]
    bench.stop_all()
    bench.machine.platform.told.clear()
    (again,) = bench.restore()
    assert again.differences == ()
    assert bench.machine.platform.told == []


def test_a_service_that_does_not_start_again_is_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says that the volume holds the restored data."""

    def fail(_service: str) -> None:
        raise PlatformError("db did not start")

    monkeypatch.setattr(bench.machine.platform, "start", fail)
    (done,) = bench.restore(FORCE)
    assert "db did not start" in done.differences[0]
    assert "holds the restored data" in done.differences[0]
    assert bench.read() == f"first {DB}"


def test_a_damaged_snapshot_replaces_nothing(bench: Bench) -> None:
    """A byte of difference is found before the service is stopped."""
    bench.machine.local.damage_file(newest(bench), FILE, b"firsT db_data")
    (done,) = bench.restore(FORCE)
    assert "has other content" in done.differences[0]
    assert "nothing was replaced" in done.differences[0]
    assert_untouched(bench)


def test_the_dump_of_another_volume_replaces_nothing(bench: Bench, tmp_path: Path) -> None:
    """What the snapshot says it is and what is in it must agree."""
    bench.machine.local.restore(newest(bench), tmp_path / "copy")
    record = (tmp_path / "copy" / "record.json").read_bytes()
    other = record.replace(b'"db_data"', b'"other"')
    bench.machine.local.damage_file(newest(bench), "record.json", other)
    (done,) = bench.restore(FORCE)
    assert "the snapshot is of volume db_data, the dump in it of other" in done.differences[0]
    assert_untouched(bench)


def test_one_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    """The damaged volume is named and the other one is back."""
    bench.machine.local.damage_file(newest(bench), FILE, b"")
    failed, done = bench.restore(FORCE, DB, TOKENS)
    assert failed.differences
    assert done.differences == ()
    assert bench.read(TOKENS) == f"first {TOKENS}"


def test_one_that_is_refused_stops_all_before_anything(bench: Bench) -> None:
    """All problems are told at once, and the good volume is not touched either."""
    bench.machine.platform.stopped.add("auth")
    with pytest.raises(RestoreRefused, match=r"db_data: service db runs") as refused:
        bench.restore(None, DB, TOKENS)
    assert TOKENS not in str(refused.value)
    assert bench.read(TOKENS) == f"lost {TOKENS}"


def test_a_busy_volume_is_left_alone(bench: Bench) -> None:
    """While another run holds the volume's lock nothing is replaced."""
    bench.stop_all()
    with bench.machine.site.lock(DB):
        (done,) = bench.restore()
    assert "another run is working on db_data" in done.differences[0]
    assert bench.read() == f"lost {DB}"


def test_as_of_takes_the_newest_data_before(bench: Bench) -> None:
    """Neither an older snapshot nor a newer one; before the first there is none."""
    bench.stop_all()
    between = bench.machine.clock.at
    bench.write("second")
    bench.machine.clock.advance(hours=1)
    bench.machine.take()
    bench.write("lost again")
    assert bench.restore(Wish(as_of=between))[0].differences == ()
    assert bench.read() == f"first {DB}"
    assert bench.restore(Wish(as_of=bench.machine.clock.at))[0].differences == ()
    assert bench.read() == "second"
    (said,) = bench.problems(Wish(as_of=datetime(2020, 1, 1, tzinfo=UTC)))
    assert "no snapshot as of 2020-01-01" in said
    assert "its oldest is of" in said


def test_a_named_snapshot_is_restored(bench: Bench) -> None:
    """By the start of its id; one that is not there is refused."""
    bench.stop_all()
    assert bench.restore(Wish(snapshot=newest(bench)[:8]))[0].differences == ()
    assert bench.read() == f"first {DB}"
    assert "no snapshots" in bench.problems(Wish(snapshot="feed"))[0]


def test_offsite_is_a_source_of_its_own(bench: Bench) -> None:
    """With the local repository gone the copy is restored."""
    bench.stop_all()
    bench.machine.offsite.init()
    bench.machine.offsite.copy_from(bench.machine.local, [newest(bench)])
    bench.machine.local.forget([newest(bench)])
    assert "no snapshot" in bench.problems()[0]
    assert bench.restore(Wish(source="offsite"))[0].differences == ()
    assert bench.read() == f"first {DB}"


def test_a_directory_elsewhere(bench: Bench, tmp_path: Path) -> None:
    """--to leaves volume and running service alone; several get a directory each."""
    (done,) = bench.restore(Wish(to=tmp_path / "out"))
    assert done.differences == ()
    assert (tmp_path / "out" / "deep" / "rows").read_text() == f"first {DB}"
    assert {d.differences for d in bench.restore(Wish(to=tmp_path / "all"), DB, TOKENS)} == {()}
    assert (tmp_path / "all" / TOKENS / "deep" / "rows").read_text() == f"first {TOKENS}"
    assert_untouched(bench)


def test_a_directory_that_is_not_empty_is_replaced_by_force_alone(
    bench: Bench, tmp_path: Path
) -> None:
    """Refused without --force, replaced as a whole with it; what is ours never."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("mine")
    assert "is not empty" in bench.problems(Wish(to=out))[0]
    assert "is not a directory" in bench.problems(Wish(to=out / "mine", force=True))[0]
    assert "never replaced" in bench.problems(Wish(to=bench.room, force=True))[0]
    assert "never replaced" in bench.problems(Wish(to=bench.machine.site.state, force=True))[0]
    assert bench.restore(Wish(to=out, force=True))[0].differences == ()
    assert [path.name for path in out.iterdir()] == ["deep"]
    assert_untouched(bench)


def test_too_little_space_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both numbers, and before anything is fetched."""
    bench.stop_all()
    usage = type("Usage", (), {"free": 1 << 20})
    monkeypatch.setattr("alt_backup_assets.dumps.take.shutil.disk_usage", lambda _path: usage)
    (said,) = bench.problems()
    assert "1 MiB free" in said
    assert "restore" not in bench.machine.local.calls


def test_a_volume_that_is_gone_is_refused(bench: Bench) -> None:
    """There is nothing to change places with; the message says what to make."""
    bench.stop_all()
    del bench.machine.platform.volumes[DB]
    assert "make it again, empty" in bench.problems()[0]


def test_a_mount_point_is_refused(bench: Bench) -> None:
    """It cannot change places with anything: the message says where to run the restore."""
    bench.stop_all()
    bench.machine.platform.volumes[DB] = Path("/proc")
    assert "run the restore on the host" in bench.problems()[0]


def test_a_place_that_cannot_be_written_is_refused(bench: Bench, tmp_path: Path) -> None:
    """Below a file there can be no directory."""
    (tmp_path / "file").touch()
    assert "choose another --to" in bench.problems(Wish(to=tmp_path / "file" / "out"))[0]


def test_a_database_is_no_target_for_files(bench: Bench) -> None:
    """--into is for engines whose server loads the dump."""
    assert "put back as files" in bench.problems(Wish(into="other"))[0]


def test_a_service_started_meanwhile_keeps_its_files(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at again right before the exchange."""
    bench.stop_all()
    running = iter([False, True])
    monkeypatch.setattr(bench.machine.platform, "is_running", lambda _service: next(running))
    (done,) = bench.restore()
    assert "was started meanwhile" in done.differences[0]
    assert_untouched(bench)


def test_what_a_crash_left_is_removed(bench: Bench) -> None:
    """A rerun finds half a restore, removes it and finishes."""
    bench.stop_all()
    for left in (
        staging_directory(bench.place(), DB) / "dump",
        scratch_directory(bench.machine.site, TOKENS),
    ):
        left.mkdir(parents=True)
        (left / "half").write_text("half")
    assert bench.restore()[0].differences == ()
    assert bench.read() == f"first {DB}"
    assert bench.leftovers() == []
