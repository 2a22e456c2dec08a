"""What every platform does, whether it is a Docker engine or this machine.

One sentence per test; ``tests/unit/platforms/test_local.py`` holds the local platform to them,
``tests/end_to_end/test_docker_platform.py`` the Docker engine. Keep out: what only one of them
can do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alt_backup_assets.errors import (
    ServiceNotFound,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.seam import Place, Platform, Runtime, Service, Throwaway

MIB = 1 << 20
ROOT = Path(__file__).parents[1]


class PlatformContract:
    """The sentences.

    A subclass gives the fixtures ``platform`` (with a running service ``live-db`` whose
    environment has ``LIVE=1``, and a volume ``live_data`` that holds the file ``hello``) and
    ``platform_json`` (the same platform for another process).
    """

    @pytest.fixture(name="db")
    def _db(self, platform: Platform) -> Service:
        return platform.service("live-db")

    def test_a_command_returns_its_output(self, db: Service) -> None:
        """The output comes back whole, and arguments are not interpreted."""
        assert db.run(["echo", "a b", "$HOME;"], timeout_seconds=20) == b"a b $HOME;\n"

    def test_all_of_stdin_arrives_while_output_flows(self, db: Service) -> None:
        """Several MB go in and come out at once, and the end of input is seen."""
        data = bytes(range(256)) * (4 * MIB // 256)
        assert db.run(["cat"], timeout_seconds=60, stdin=data) == data

    def test_a_command_need_not_read_its_stdin(self, db: Service) -> None:
        """Input nobody wants is no failure."""
        assert db.run(["echo", "ok"], timeout_seconds=20, stdin=b"x" * MIB) == b"ok\n"

    def test_a_sink_takes_the_output_in_pieces(self, db: Service) -> None:
        """A long stream is handed on as it comes, and not kept."""
        pieces: list[int] = []
        argv = ["head", "-c", str(5 * MIB), "/dev/zero"]
        returned = db.run(argv, timeout_seconds=60, stdout=lambda data: pieces.append(len(data)))
        assert returned == b""
        assert sum(pieces) == 5 * MIB
        assert max(pieces) <= MIB

    def test_the_environment_can_be_added_to(self, db: Service) -> None:
        """What is given for one command comes beside the place's own."""
        argv = ["sh", "-c", "echo $LIVE $MORE"]
        assert db.run(argv, timeout_seconds=20, env={"MORE": "2"}) == b"1 2\n"

    def test_a_failure_has_exit_code_place_and_last_words(self, db: Service) -> None:
        """Of what it said to standard error, the last 25 lines are in the error."""
        argv = ["sh", "-c", "seq 1000 1 1099 >&2; exit 3"]
        with pytest.raises(ToolFailed, match=r"live-db.*sh exited with 3: 1075\n") as caught:
            db.run(argv, timeout_seconds=20)
        assert caught.value.exit_code == 3
        assert str(caught.value).endswith("1099")

    def test_a_stream_that_merely_ends_is_no_success(self, db: Service) -> None:
        """A command killed in mid-stream has failed, however good its output looks."""
        taken = bytearray()
        with pytest.raises(ToolFailed):
            db.run(["sh", "-c", "echo part; kill -9 $$"], timeout_seconds=20, stdout=taken.extend)
        assert taken == b"part\n"

    def test_a_missing_program_is_missing(self, db: Service) -> None:
        """A program that is not there is another error than one that failed."""
        with pytest.raises(ToolMissing, match="no-such-program"):
            db.run(["no-such-program"], timeout_seconds=20)

    def test_a_program_its_shell_does_not_find_has_failed(self, db: Service) -> None:
        """Exit code 127 alone does not mean that the command itself is missing."""
        with pytest.raises(ToolFailed) as caught:
            db.run(["sh", "-c", "no-such-program"], timeout_seconds=20)
        assert caught.value.exit_code == 127

    @pytest.mark.parametrize("argv", [["sleep", "60"], ["yes"]], ids=["silent", "talking"])
    def test_a_command_that_does_not_end_is_given_up(self, db: Service, argv: list[str]) -> None:
        """The time limit holds for a silent command and for one that never stops talking."""
        started = time.monotonic()
        with pytest.raises(ToolTimeout, match="within 1 s"):
            db.run(argv, timeout_seconds=1, stdout=lambda _: None)
        assert time.monotonic() - started < 10

    def test_a_sink_that_fails_is_heard(self, db: Service) -> None:
        """A full disk on our side is raised as it is, at once."""

        def full(data: bytes) -> None:
            raise OSError(28, f"no room for {len(data)} bytes")

        with pytest.raises(OSError, match="no room"):
            db.run(["yes"], timeout_seconds=60, stdout=full)

    def test_a_given_up_command_does_not_stay(self, db: Service) -> None:
        """Its process is gone when the error arrives."""
        with pytest.raises(ToolTimeout):
            db.run(["sleep", _GIVEN_UP], timeout_seconds=0.5)
        assert not _runs(db, _GIVEN_UP)

    def test_a_session_is_talked_to_line_by_line(self, db: Service) -> None:
        """Lines come back one at a time, also when several arrive together."""
        with db.open(["cat"]) as session:
            session.write(b"one\ntwo\nthr")
            assert session.read_line(timeout_seconds=20) == b"one"
            assert session.read_line(timeout_seconds=20) == b"two"
            session.write(b"ee\n")
            assert session.read_line(timeout_seconds=20) == b"three"

    def test_a_silent_session_times_out_and_lives_on(self, db: Service) -> None:
        """No whole line in time is a time-out, and the line can still come later."""
        with db.open(["cat"]) as session:
            session.write(b"ha")
            with pytest.raises(ToolTimeout, match=r"within 0\.3 s"):
                session.read_line(timeout_seconds=0.3)
            session.write(b"lf\n")
            assert session.read_line(timeout_seconds=20) == b"half"

    @pytest.mark.parametrize("exit_code", [0, 4])
    def test_a_session_that_ended_says_how(self, db: Service, exit_code: int) -> None:
        """What it wrote is read first; then its end is an error, also with exit code 0."""
        argv = ["sh", "-c", f"read word; echo $word; echo sorry >&2; exit {exit_code}"]
        with db.open(argv) as session:
            session.write(b"bye\n")
            assert session.read_line(timeout_seconds=20) == b"bye"
            with pytest.raises(ToolFailed, match=f"exited with {exit_code}: sorry"):
                session.read_line(timeout_seconds=20)

    def test_leaving_a_session_ends_its_program(self, db: Service) -> None:
        """A program that would wait for ever does not outlive its session."""
        with db.open(["sh", "-c", f"echo up; exec sleep {_SESSION}"]) as session:
            assert session.read_line(timeout_seconds=20) == b"up"
            assert _runs(db, _SESSION)
        assert not _runs(db, _SESSION)

    def test_a_service_is_found_by_its_exact_name_only(self, platform: Platform) -> None:
        """A mix-up of `_` and `-` is refused, and the near miss is named."""
        with pytest.raises(ServiceNotFound, match=r"`live_db`.*did you mean `live-db`"):
            platform.service("live_db")

    def test_a_volume_is_a_readable_directory(self, platform: Platform) -> None:
        """The files of a volume can be read where the platform says."""
        assert (platform.volume_path("live_data", "live-db") / "hello").read_text() == "world"

    def test_a_volume_is_found_by_its_exact_name_only(self, platform: Platform) -> None:
        """A mix-up of `_` and `-` is refused, and the near miss is named."""
        with pytest.raises(VolumeUnreadable, match=r"`live-data`.*did you mean `live_data`"):
            platform.volume_path("live-data", "live-db")

    def test_a_throwaway_target_is_empty_private_and_writable(
        self, platform: Platform, db: Service
    ) -> None:
        """Two of them share nothing, and nothing of the live service's environment is there."""
        with (
            platform.throwaway("live-db", db.runtime) as one,
            platform.throwaway("live-db", db.runtime) as two,
        ):
            one.run(["tee", f"{one.directory}/made"], timeout_seconds=20, stdin=b"here")
            assert one.run(["ls", "-A", one.directory], timeout_seconds=20) == b"made\n"
            assert two.run(["ls", "-A", two.directory], timeout_seconds=20) == b""
            mode = ["stat", "-c", "%a", two.directory]
            assert two.run(mode, timeout_seconds=20) == b"700\n"
            assert two.run(["sh", "-c", "echo $LIVE"], timeout_seconds=20) == b"\n"

    def test_a_file_can_be_put_into_a_throwaway_target(
        self, platform: Platform, db: Service, tmp_path: Path
    ) -> None:
        """Every byte arrives, under a name that ends like the source's; ours stays."""
        source = tmp_path / "odd näme.dump"
        source.write_bytes(bytes(range(256)) * (3 * MIB // 256) + b"end")
        with platform.throwaway("live-db", db.runtime) as place:
            path = place.put(source)
            assert path.endswith("/odd näme.dump")
            assert place.run(["cat", path], timeout_seconds=60) == source.read_bytes()
            assert place.run(["ls", "-A", place.directory], timeout_seconds=20) == b""
        assert source.exists()

    def test_a_tree_can_be_put_into_a_throwaway_target(
        self, platform: Platform, db: Service, tmp_path: Path
    ) -> None:
        """Every file of a directory arrives where it was, empty directories and links too."""
        tree = tmp_path / "blocks"
        (tree / "one" / "chunks").mkdir(parents=True)
        (tree / "empty").mkdir()
        (tree / "one" / "chunks" / "000001").write_bytes(b"x" * 1025)
        (tree / "link").symlink_to("one/chunks")
        with platform.throwaway("live-db", db.runtime) as place:
            path = place.put(tree)
            listing = place.run(["ls", "-1", path], timeout_seconds=20)
            assert listing == b"empty\nlink\none\n"
            assert place.run(["cat", f"{path}/link/000001"], timeout_seconds=20) == b"x" * 1025

    def test_a_service_has_an_address(self, db: Service) -> None:
        """Its ports can be reached from this machine under a host name or an IP address."""
        assert socket.gethostbyname(db.address)

    def test_a_service_is_stopped_and_started(self, platform: Platform) -> None:
        """What was stopped does not run, and runs again when it was started."""
        assert platform.is_running("live-db") is True
        image = platform.image("live-db")
        platform.stop("live-db")
        assert platform.is_running("live-db") is False
        assert platform.image("live-db") == image
        platform.start("live-db")
        assert platform.is_running("live-db") is True

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_a_throwaway_target_never_stays(
        self, platform: Platform, db: Service, error: type[BaseException]
    ) -> None:
        """Whatever ends its use, the target and the servers left in it go."""
        used: list[Throwaway] = []

        def use() -> None:
            with platform.throwaway("live-db", db.runtime) as place:
                used.append(place)
                place.run(["sh", "-c", _DAEMON], timeout_seconds=20)
                assert _runs(place, _LEFT)
                raise error

        with pytest.raises(error):
            use()
        self.assert_gone(used[0].directory, used[0].label)
        assert not _runs(db, _LEFT)

    def test_a_throwaway_target_needs_the_same_program_files(self, platform: Platform) -> None:
        """Program files that are gone are not replaced by others."""
        gone = Runtime(image="alt-backup-test/gone:1", image_id="sha256:" + "0" * 64)
        with (
            pytest.raises(ServiceNotFound, match=r"gone:1"),
            platform.throwaway("live-db", gone),
        ):
            raise AssertionError("a target was made")

    def test_a_sweep_removes_what_a_killed_run_left(
        self, platform: Platform, db: Service, platform_json: str
    ) -> None:
        """Targets of a run that was killed are removed, those of a live one never."""
        with (
            _holder(platform_json, db.runtime) as killed,
            _holder(platform_json, db.runtime) as alive,
        ):
            assert platform.sweep() == ()
            killed.kill()  # not waited for: a zombie is dead too
            deadline = time.monotonic() + 20
            while not (swept := platform.sweep()) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert len(swept) == 1
            assert platform.sweep() == ()
            alive.terminate()
            alive.wait(timeout=20)
            assert len(platform.sweep()) == 1

    def test_a_sweep_spares_our_own_targets(self, platform: Platform, db: Service) -> None:
        """A target in use survives a sweep of its own process."""
        with platform.throwaway("live-db", db.runtime) as place:
            assert platform.sweep() == ()
            assert place.run(["echo", "here"], timeout_seconds=20) == b"here\n"

    def assert_gone(self, directory: str, label: str) -> None:
        """Fail if anything is left of a throw-away target."""
        raise NotImplementedError


# Of this process alone: the same contract may be tested beside it, and /proc shows both.
_GIVEN_UP, _SESSION, _LEFT = (f"{seconds}.{os.getpid()}" for seconds in (61, 62, 63))
_DAEMON = f"setsid sleep {_LEFT} >/dev/null 2>&1 </dev/null &"


def _runs(place: Place, argument: str) -> bool:
    listing = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true"
    lines = place.run(["sh", "-c", listing], timeout_seconds=20).decode().splitlines()
    return argument in lines


@contextmanager
def _holder(platform_json: str, runtime: Runtime) -> Iterator[subprocess.Popen[str]]:
    program = [sys.executable, "-m", "tests.throwaway_holder"]
    argv = [*program, platform_json, runtime.image, runtime.image_id]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()
