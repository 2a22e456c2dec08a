"""The one place where a configuration becomes working parts.

A ``Site`` is what every stage is handed: the platform, the registry, the two repositories, the
directories and the clock. Opening one touches nothing but files; a broken part shows when it
is first used, so that status can still speak of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from alt_backup_assets.config import Configuration, Repository, load_configuration
from alt_backup_assets.errors import VolumeBusy
from alt_backup_assets.platforms import container_runs, open_platform
from alt_backup_assets.platforms.containers import OwnContainers
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.tools import interruption
from alt_backup_assets.tools.restic import Restic


def open_repository(place: Repository, binary: Path, cache: Path) -> Restic:
    """Return what runs a restic program on a repository; nothing is opened yet."""
    return Restic(place, binary=binary, cache_dir=cache)


@dataclass(frozen=True)
class Site:
    """One machine's backups.

    Attributes:
        config: What the operator decided.
        registry: What must survive.
        platform: Services and volumes.
        local: The repository beside the data.
        offsite: The repository elsewhere; None where there is none.
        now: The clock, aware UTC.
        open_repository: Makes what works on another repository, such as a scratch one.
    """

    config: Configuration
    registry: Registry
    platform: Platform
    local: Restic
    offsite: Restic | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    open_repository: Callable[[Repository, Path, Path], Restic] = open_repository

    @property
    def name(self) -> str:
        """The platform's name; restic's host."""
        return self.config.platform.name

    @property
    def state(self) -> Path:
        """Our own directory, made on first use with mode 0700."""
        path = self.config.directories.state
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def scratch(self) -> Path:
        """Room for what a restore brings back."""
        path = self.config.directories.scratch or self.state / "scratch"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def day_of(self, moment: datetime) -> date:
        """Return the backup day a moment belongs to, in the configured time zone."""
        return moment.astimezone(self.config.timezone).date()

    @property
    def today(self) -> date:
        """The current backup day."""
        return self.day_of(self.now())

    @contextmanager
    def lock(self, name: str, *, wait_seconds: float = 0) -> Iterator[None]:
        """Hold a named lock; the system lets go of it when the process dies.

        Args:
            name: A volume, or what is done with one.
            wait_seconds: How long to wait for another run to let go of it.

        Raises:
            VolumeBusy: Another run holds it.
        """
        directory = self.state / "locks"
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(directory / f"{name}.lock", mode=0o600)
        deadline = time.monotonic() + wait_seconds
        while not lock.is_locked:
            interruption.heed()
            left = max(0.0, deadline - time.monotonic())
            try:
                lock.acquire(timeout=min(left, interruption.SLICE_SECONDS))
            except Timeout:
                if not left:
                    raise VolumeBusy(
                        f"another run is working on {name} right now; try again later"
                    ) from None
        try:
            yield
        finally:
            lock.release()


def open_site(configuration_file: Path) -> Site:
    """Read the configuration and the registry and put the parts together.

    Raises:
        ConfigurationError: A file is wrong; the message names file, field and near miss.
    """
    config = load_configuration(configuration_file)
    platform = open_platform(config)
    own = OwnContainers(config.directories.state / "containers", container_runs(platform))
    own.enter()
    offsite = config.repositories.offsite

    def restic(repository: Repository) -> Restic:
        cache = config.directories.state / "restic-cache"
        return Restic(repository, binary=config.restic, cache_dir=cache, host_is_gone=own.is_gone)

    return Site(
        config=config,
        registry=load_registry(config, relative_to=configuration_file.parent),
        platform=platform,
        local=restic(config.repositories.local),
        offsite=restic(offsite) if offsite else None,
    )
