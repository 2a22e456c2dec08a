"""The files every contender begins with: an empty repository, and for the product a site.

A site is what an operator writes: configuration, registry, password, ``DAGSTER_HOME``. Keep
out: running anything on it (``contenders``).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from dagster import DagsterInstance

from alt_backup_assets.config import Repository
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.tools.restic import Restic
from benchmarks.platform import Platform, small_volume
from benchmarks.sizes import Database

ROOT = Path(__file__).parents[1]
JUST_AS_BY_HAND = "6"

Entries = Mapping[str, Mapping[str, object]]
Compression = Mapping[str, str]
"""``pg_dump --compress`` by volume."""

_TIME_ZONE = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # it is noon there: no run crosses a day


def recommended(databases: Sequence[Database]) -> Compression:
    """Return the recommended compression of every database."""
    return {each.volume: each.recommended for each in databases}


def the_same(databases: Sequence[Database], compression: str = JUST_AS_BY_HAND) -> Compression:
    """Return one compression for every database; the decision record's without an argument."""
    return {each.volume: compression for each in databases}


@dataclass(frozen=True)
class Repositories:
    """Makes empty repositories, all from one: restic takes a second to make each.

    Attributes:
        template: An empty repository and its password.
        restic: The program.
    """

    template: Path
    restic: Path

    @classmethod
    def prepare(cls, directory: Path, restic: Path) -> Repositories:
        """Make the first one."""
        directory.mkdir()
        password = directory / "password"
        password.write_text("protects nothing\n")
        password.chmod(0o600)
        place = Repository(url=str(directory / "repository"), password_file=password)
        Restic(place, binary=restic, cache_dir=directory / "cache").init()
        shutil.rmtree(directory / "cache")
        return cls(directory, restic)

    def copy(self, directory: Path) -> Place:
        """Make one in a new directory, with nothing beside it."""
        shutil.copytree(self.template, directory)
        return Place(directory, self.restic)


@dataclass(frozen=True)
class Place:
    """Where one contender works: nobody has worked there before.

    Attributes:
        directory: All of it.
        restic: The program.
    """

    directory: Path
    restic: Path

    @property
    def repository(self) -> Path:
        """The repository; its password is beside it."""
        return self.directory / "repository"

    @property
    def config(self) -> Path:
        """The product's configuration, where it is the product's place."""
        return self.directory / "alt-backup.yaml"

    def site(self) -> Site:
        """Open the product's site."""
        return open_site(self.config)

    def environment(self) -> dict[str, str]:
        """Return the whole environment of what runs here."""
        path = f"{self.restic.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: os.environ[name] for name in ("HOME", "DOCKER_HOST") if name in os.environ}
        return {
            **kept,
            "PATH": path,
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD_FILE": str(self.directory / "password"),
            "RESTIC_CACHE_DIR": str(self.directory / "cache"),
            "DAGSTER_HOME": str(self.directory / "dagster"),
            "ALT_BACKUP_CONFIG": str(self.config),
        }

    def write_site(self, platform: Platform, volumes: Path, entries: Entries) -> None:
        """Write the product's files."""
        values = {
            "platform": {
                "kind": "docker",
                "name": platform.name,
                "project": platform.name,
                "volumes_root": str(volumes),
            },
            "registry": "./registry.yaml",
            "timezone": _TIME_ZONE,
            "directories": {"state": str(self.directory / "state")},
            "repositories": {
                "local": {
                    "url": str(self.repository),
                    "password_file": str(self.directory / "password"),
                }
            },
            "restic": str(self.restic),
        }
        written = {"volumes": {name: dict(entry) for name, entry in entries.items()}}
        (self.directory / "registry.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
        self.config.write_text(yaml.safe_dump(values, sort_keys=False))
        home = self.directory / "dagster"
        home.mkdir()
        shutil.copy(ROOT / "dagster.yaml", home)
        # Its tables are there on any day but the first, as the repository is.
        DagsterInstance.from_config(str(home)).dispose()


def entries(
    databases: Sequence[Database], compression: Compression, files: Sequence[tuple[str, str]] = ()
) -> Entries:
    """Return the registry's entries.

    Args:
        databases: Databases to back up.
        compression: How each one's dump is compressed.
        files: Volumes of files, each with its service.
    """
    of_databases: dict[str, Mapping[str, object]] = {
        each.volume: {
            "service": each.service,
            "engine": "postgresql",
            "category": "critical",
            "user": each.user,
            "databases": [each.name],
            "compression": compression[each.volume],
        }
        for each in databases
    }
    of_files: dict[str, Mapping[str, object]] = {
        volume: {"service": service, "engine": "files", "category": "data"}
        for volume, service in files
    }
    return {**of_databases, **of_files}


def all_entries(platform: Platform, compression: Compression) -> Entries:
    """Return the registry's entries of the whole platform."""
    files = [(each.volume, each.service) for each in platform.size.files]
    return entries(platform.size.databases, compression, files)


def small_entries(count: int) -> Entries:
    """Return the registry's entries of the first of the many small volumes."""
    return entries((), {}, [(small_volume(n), f"service-{n:03}") for n in range(count)])
