"""A place for real restic repositories, and a backup under way that can be killed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alt_backup_assets.config import Repository
from alt_backup_assets.tools import process
from alt_backup_assets.tools.restic import Restic, commands
from tests.restic_contract import NOON


class Bench:
    """A directory with two places for repositories, and restic on them."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.directory = directory
        self.binary = binary
        self.password = directory / "password"
        self.password.write_text("correct horse\n")

    def restic(
        self, name: str = "repository", *, password: Path | None = None, slow: bool = False
    ) -> Restic:
        """Return the client of the repository of that name."""
        return Restic(
            self.place(name, password=password, slow=slow),
            binary=self.binary,
            cache_dir=self.directory / "cache",
            timeout_seconds=120,
            lock_wait_seconds=1,
        )

    def place(
        self, name: str = "repository", *, password: Path | None = None, slow: bool = False
    ) -> Repository:
        """Return the configuration of the repository of that name."""
        return Repository(
            url=str(self.directory / name),
            password_file=password or self.password,
            limit_upload_kib=200 if slow else None,
        )

    def config(self, name: str) -> dict[str, object]:
        """Return restic's own configuration of a repository."""
        options = commands.global_options(self.place(name), cache_dir=self.directory / "cache")
        done = process.run([str(self.binary), *options, *commands.OPEN], timeout_seconds=60)
        config: dict[str, object] = json.loads(done.stdout)
        return config

    @contextmanager
    def slow_backup(self, source: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Have a backup under way, at a speed at which it does not end by itself."""
        options = commands.global_options(self.place(slow=True), cache_dir=self.directory / "cache")
        command = commands.backup(source, host="alt", tags=["slow"], taken_at=NOON, exclude=[])
        child = subprocess.Popen(
            [self.binary, *options, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_for_lock(child)
            yield child
        finally:
            child.kill()
            child.wait()

    def _wait_for_lock(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 30
        locks = self.directory / "repository/locks"
        # One that restic is still writing counts for nobody.
        while not any("-tmp-" not in lock.name for lock in locks.iterdir()):
            assert child.poll() is None, "the backup ended before it took its lock"
            assert time.monotonic() < deadline, "the backup took no lock"
            time.sleep(0.05)
