"""A platform whose services answer from a script, and say afterwards what they were asked.

It stands at ``platforms.seam``: no program, no engine. A command nobody scripted is an error of
the test. Keep out: how real commands end; ``tests/platform_contract.py`` is about those, and
holds this fake to the part a script can have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.errors import (
    AltBackupError,
    ServiceNotFound,
    ServiceVanished,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
    VolumeUnreadable,
)
from alt_backup_assets.platforms.live_volumes import PlatformVolume, PlatformVolumes
from alt_backup_assets.platforms.seam import Runtime, Sink
from alt_backup_assets.values import near_miss

RUNTIME = Runtime(image="postgres:17", image_id="sha256:" + "17" * 32)


@dataclass(frozen=True)
class Call:
    """A command that was run or opened.

    Attributes:
        place: Label of the place.
        argv: The command.
        stdin: What it was given; for a session everything that was written.
        env: What was added to its environment.
    """

    place: str
    argv: tuple[str, ...]
    stdin: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """How a command goes.

    Attributes:
        stdout: Its output, or what a session says before anything is asked.
        exit_code: Anything but 0 is a ``ToolFailed``, after the output.
        stderr: Its last words.
        vanish: The place goes away after the output.
        too_slow: It does not end in time, after the output.
        missing: There is no such program.
        reply: What a session says to each thing written to it.
        effect: Called with the call before the answer, to make files and the like.
    """

    stdout: bytes = b""
    exit_code: int = 0
    stderr: str = ""
    vanish: bool = False
    too_slow: bool = False
    missing: bool = False
    reply: Callable[[bytes], bytes] | None = None
    effect: Callable[[Call], object] | None = None


class FakeSession:
    """A program that is talked to, from a script."""

    def __init__(self, place: FakePlace, call: Call, answer: Answer) -> None:
        self._place = place
        self._call = call
        self._answer = answer
        self._buffer = answer.stdout
        self.written = b""

    def write(self, data: bytes) -> None:
        """Take what is written and have the reply ready."""
        if self._answer.reply is None:
            self._place.end(self._call, self._answer)
            raise AssertionError(f"no reply is scripted for {self._call.argv}: {data!r}")
        self.written += data
        self._buffer += self._answer.reply(data)

    def read_line(self, *, timeout_seconds: float) -> bytes:
        """Return the next scripted line; without one, end as scripted."""
        if b"\n" not in self._buffer:
            self._place.end(self._call, self._answer)
            name = self._call.argv[0]
            if self._answer.reply is None:
                raise ToolFailed(f"{name} exited with 0: it said nothing", 0)
            raise ToolTimeout(f"{name} did not end within {timeout_seconds:g} s")
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line


class FakePlace:
    """A service, or a throw-away target, that answers from a script.

    Attributes:
        calls: Every command, in order.
        files: What ``put`` brought in, by the path it got; a directory's files one by one.
        address: Where its ports are.
    """

    address = "127.0.0.1"

    def __init__(self, label: str, runtime: Runtime = RUNTIME, directory: str = "/work") -> None:
        self.label = label
        self.runtime = runtime
        self.directory = directory
        self.calls: list[Call] = []
        self.files: dict[str, bytes] = {}
        self._scripts: list[tuple[tuple[str, ...], list[Answer]]] = []

    def script(self, *words: str, answers: Sequence[Answer] = (Answer(),)) -> None:
        """Say how a command goes.

        Args:
            words: The program, and words that must follow it somewhere, in this order. The
                script with the most words wins, then the newest.
            answers: One after the other; the last one stays.
        """
        self._scripts.insert(0, (words, list(answers)))

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Answer a command; see ``Place.run``."""
        assert timeout_seconds > 0
        call = Call(self.label, tuple(argv), stdin, dict(env or {}))
        answer = self._answer(call)
        if stdout is not None and answer.stdout:
            stdout(answer.stdout)
        self.end(call, answer)
        return b"" if stdout is not None else answer.stdout

    @contextmanager
    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> Iterator[FakeSession]:
        """Open a scripted session; see ``Place.open``."""
        call = Call(self.label, tuple(argv), b"", dict(env or {}))
        session = FakeSession(self, call, self._answer(call))
        try:
            yield session
        finally:
            # Found by itself: threads call side by side.
            position = next(at for at, made in enumerate(self.calls) if made is call)
            self.calls[position] = Call(call.place, call.argv, session.written, call.env)

    def put(self, source: Path) -> str:
        """Keep the content of a file or a tree; see ``Throwaway.put``."""
        path = f"/in/{len(self.files)}/{source.name}"
        if source.is_dir():
            below = (each for each in sorted(source.rglob("*")) if each.is_file())
            self.files |= {f"{path}/{p.relative_to(source)}": p.read_bytes() for p in below}
        else:
            self.files[path] = source.read_bytes()
        return path

    def end(self, call: Call, answer: Answer) -> None:
        """Raise what the answer ends with; return after an exit code 0."""
        name = call.argv[0]
        if answer.missing:
            raise ToolMissing(f"cannot start {name} in {self.label}")
        if answer.vanish:
            raise ServiceVanished(f"{self.label} stopped while {name} ran in it")
        if answer.too_slow:
            raise ToolTimeout(f"{name} in {self.label} did not end in time")
        if answer.exit_code != 0:
            said = answer.stderr or "it said nothing"
            how = f"{name} exited with {answer.exit_code}: {said}"
            raise ToolFailed(f"in {self.label}: {how}", answer.exit_code)

    def _answer(self, call: Call) -> Answer:
        self.calls.append(call)
        fitting = [entry for entry in self._scripts if _fits(entry[0], call.argv)]
        if not fitting:
            raise AssertionError(f"nobody scripted {call.argv} in {self.label}")
        _, answers = max(fitting, key=lambda entry: len(entry[0]))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.effect is not None:
            answer.effect(call)
        return answer


class FakePlatform:
    """A platform of scripted places.

    Attributes:
        name: The platform's name.
        services: By name; add a ``FakePlace`` for each.
        volumes: Directories by volume.
        listed: What it lists in place of them, or the error it ends with.
        target: The place every throw-away target is.
        thrown: Service, runtime and user of every throw-away target, in order.
        thrown_in_memory: Whether each of them was to be in memory.
        memory_bytes: How much such a target holds.
        open_targets: How many are open right now.
        orphans: What the next sweep finds.
        stopped: Services that do not run.
        told: What was started and stopped, in order, such as ``("stop", "db")``.
    """

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.services: dict[str, FakePlace] = {}
        self.volumes: dict[str, Path] = {}
        self.listed: PlatformVolumes | AltBackupError | None = None
        self.target = FakePlace("throw-away target")
        self.thrown: list[tuple[str, Runtime, str | None]] = []
        self.thrown_in_memory: list[bool] = []
        self.memory_bytes = 0
        self.open_targets = 0
        self.orphans: tuple[str, ...] = ()
        self.stopped: set[str] = set()
        self.told: list[tuple[str, str]] = []

    def add(self, service: str, runtime: Runtime = RUNTIME) -> FakePlace:
        """Add a running service and return it for scripting."""
        self.services[service] = FakePlace(f"{service} (fake)", runtime)
        return self.services[service]

    def service(self, service: str) -> FakePlace:
        """Return a service that was added; see ``Platform.service``."""
        if not self.is_running(service):
            raise ServiceNotFound(f"service `{service}` does not run")
        return self.services[service]

    def is_running(self, service: str) -> bool:
        """Tell whether it was added and not stopped; see ``Platform.is_running``."""
        self._require(service)
        return service not in self.stopped

    def _require(self, service: str) -> None:
        if service not in self.services:
            raise ServiceNotFound(f"no service `{service}`{near_miss(service, self.services)}")

    def image(self, service: str) -> str | None:
        """Return the image it was added with; see ``Platform.image``."""
        self._require(service)
        return self.services[service].runtime.image

    def start(self, service: str) -> None:
        """Start a service that was added; see ``Platform.start``."""
        self.is_running(service)
        self.told.append(("start", service))
        self.stopped.discard(service)

    def stop(self, service: str) -> None:
        """Stop a service that was added; see ``Platform.stop``."""
        self.is_running(service)
        self.told.append(("stop", service))
        self.stopped.add(service)

    def volume_path(self, volume: str, service: str) -> Path:
        """Return a volume that was added; see ``Platform.volume_path``."""
        if volume not in self.volumes:
            near = near_miss(volume, self.volumes)
            raise VolumeUnreadable(f"no volume `{volume}` of {service}{near}")
        return self.volumes[volume]

    def list_volumes(self) -> PlatformVolumes:
        """Return what is listed, or else the volumes that were added."""
        if isinstance(self.listed, AltBackupError):
            raise self.listed
        added = (PlatformVolume(name=name, declared_by=()) for name in sorted(self.volumes))
        services = frozenset(self.services)
        return self.listed or PlatformVolumes(tuple(added), complete=False, services=services)

    @contextmanager
    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,
    ) -> Iterator[FakePlace]:
        """Open the one target; see ``Platform.throwaway``."""
        self.thrown.append((service, runtime, user))
        self.thrown_in_memory.append(in_memory)
        self.open_targets += 1
        try:
            yield self.target
        finally:
            self.open_targets -= 1

    def sweep(self) -> tuple[str, ...]:
        """Find the orphans once."""
        found, self.orphans = self.orphans, ()
        return found


def _fits(words: tuple[str, ...], argv: tuple[str, ...]) -> bool:
    if not argv or argv[0] != words[0]:
        return False
    rest = iter(argv[1:])
    return all(word in rest for word in words[1:])
