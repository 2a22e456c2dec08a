"""The seam between the pipeline and the machine it protects.

Holds the protocols that ``docker`` and ``local`` both fulfil, and the frozen values that cross
them. An engine driver is written against these and runs on both. Keep out: anything that only
one of the two can do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from alt_backup_assets.platforms.live_volumes import PlatformVolumes

Sink = Callable[[bytes], object]
"""Takes the bytes of a stream, piece by piece."""


@dataclass(frozen=True)
class Runtime:
    """The program files a service runs on, so that a drill can use the very same.

    Attributes:
        image: What the operator calls it: an image reference, or ``local``.
        image_id: The exact content: an image id, or the directory of the binaries.
    """

    image: str
    image_id: str


class Session(Protocol):
    """A program that was started in a place and is talked to line by line."""

    def write(self, data: bytes) -> None:
        """Send bytes to the program's standard input.

        Raises:
            ServiceVanished: The place is gone.
            ToolFailed: The program has ended.
        """

    def read_line(self, *, timeout_seconds: float) -> bytes:
        """Return the next line of its standard output, without the newline.

        Raises:
            ToolTimeout: No line came in time.
            ToolFailed: The program ended; the message has the end of its stderr.
            ServiceVanished: The place is gone.
        """


class Place(Protocol):
    """Where commands can be run: inside a service, or inside a throw-away target."""

    @property
    def label(self) -> str:
        """How messages name it, such as ``db (container alt-db-1)``."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run one command to its end.

        Args:
            argv: The command and its arguments; no shell is involved.
            timeout_seconds: After this long the command is given up.
            stdin: All of its standard input; it is closed behind the last byte.
            stdout: Takes the output piece by piece; without it the output is returned.
            env: Added to the environment of the place. Never a secret.

        Returns:
            The standard output, or ``b""`` where ``stdout`` took it.

        Raises:
            ToolFailed: It exited with anything but 0; the message has its last lines.
            ToolMissing: There is no such program in the place.
            ToolTimeout: It did not end in time.
            ServiceVanished: The place went away meanwhile. A stream that merely ends is
                never taken for success: only an exit code 0 is.
        """

    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """Start a program to talk to; leaving the context ends it."""


class Service(Place, Protocol):
    """A running service of the platform."""

    @property
    def runtime(self) -> Runtime:
        """The program files it runs on."""

    @property
    def address(self) -> str:
        """The host name or IP address under which this machine reaches its ports.

        Raises:
            ServiceNotFound: It has none.
        """


class Throwaway(Place, Protocol):
    """A disposable, network-less target of a restore drill."""

    @property
    def directory(self) -> str:
        """A writable, empty directory in it, for everything the drill makes."""

    def put(self, source: Path) -> str:
        """Bring a file or a directory of this machine into it and return its path there.

        What arrives is readable by every user in it, and is not to be written to.
        """


class Platform(Protocol):
    """The machine's services and volumes."""

    @property
    def name(self) -> str:
        """The platform's fixed name; restic's ``--host``."""

    def service(self, service: str) -> Service:
        """Find a running service by its exact name.

        Raises:
            ServiceNotFound: None runs, or several do; near misses are named.
        """

    def volume_path(self, volume: str, service: str) -> Path:
        """Return where the files of a volume can be read on this machine.

        Raises:
            VolumeUnreadable: It is not there, or not readable; the message says how to
                make it so.
        """

    def list_volumes(self) -> PlatformVolumes:
        """Return every volume there is or is declared, and who mounts it.

        Raises:
            PlatformError: The platform does not answer; that is never an empty list.
            ToolError: What is declared cannot be read.
        """

    def is_running(self, service: str) -> bool | None:
        """Tell whether a service runs; None where nothing on this machine can tell.

        Raises:
            ServiceNotFound: The platform has no such service at all.
        """

    def image(self, service: str) -> str | None:
        """Return the image a service is made from, running or not; None where none is known.

        Raises:
            ServiceNotFound: The platform has no such service at all.
        """

    def start(self, service: str) -> None:
        """Start a service that was stopped; whether it is ready is for its driver to tell.

        Raises:
            ServiceNotFound: There is nothing to start; the message says how to make it.
            PlatformError: It did not start.
        """

    def stop(self, service: str) -> None:
        """Stop a service and wait until it has ended.

        Raises:
            ServiceNotFound: The platform has no such service at all.
            PlatformError: It did not stop.
        """

    @property
    def memory_bytes(self) -> int:
        """How much a throw-away target can hold in memory; 0 where it is always on a disk."""

    def throwaway(
        self,
        service: str,
        runtime: Runtime,
        *,
        user: str | None = None,
        in_memory: bool = False,
    ) -> AbstractContextManager[Throwaway]:
        """Make a throw-away target from the program files a dump was taken with.

        Nothing of the live service's environment is in it, and its network, where it has one,
        is not to be used.

        Args:
            service: The service the dump came from.
            runtime: What it ran on when the dump was taken.
            user: User of the image that commands run as, such as ``postgres``; None for the
                image's own. On this machine the service's ``run_as`` decides instead.
            in_memory: Keep what is in its directory in memory, ``memory_bytes`` of it at most;
                where there is no such memory it is on a disk.

        Raises:
            ServiceNotFound: Those program files are no longer on this machine.
        """

    def sweep(self) -> tuple[str, ...]:
        """Remove the throw-away targets of runs that are no longer alive; name them."""
