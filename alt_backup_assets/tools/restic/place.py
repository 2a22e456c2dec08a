"""What has to be known of a repository to run restic on it.

Holds the protocols that the configuration's values fulfil (tools know nothing of the
configuration), and the checks of the files they name. Keep out: argument lists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from alt_backup_assets.errors import ConfigurationError, RepositoryMissing


class Sftp(Protocol):
    """How ssh reaches an ``sftp:`` repository."""

    @property
    def port(self) -> int:
        """TCP port."""

    @property
    def identity_file(self) -> Path:
        """Private key."""

    @property
    def known_hosts_file(self) -> Path:
        """Keys of the host."""

    @property
    def connect_timeout_seconds(self) -> int:
        """How long ssh waits for the host, in seconds."""


class Retention(Protocol):
    """How many snapshots are kept per host and path; 0 switches one off."""

    @property
    def hourly(self) -> int:
        """One an hour."""

    @property
    def daily(self) -> int:
        """One a day."""

    @property
    def weekly(self) -> int:
        """One a week."""

    @property
    def monthly(self) -> int:
        """One a month."""


class Place(Protocol):
    """Where a repository is and how it is opened. Secrets are paths."""

    @property
    def url(self) -> str:
        """The location, as restic gets it."""

    @property
    def password_file(self) -> Path:
        """File that holds its password."""

    @property
    def sftp(self) -> Sftp | None:
        """For ``sftp:`` locations."""

    @property
    def environment_files(self) -> Mapping[str, Path]:
        """Files whose content becomes an environment variable, by variable name."""

    @property
    def limit_upload_kib(self) -> int | None:
        """Upload limit in KiB/s."""

    @property
    def limit_download_kib(self) -> int | None:
        """Download limit in KiB/s."""


def local_directory(url: str) -> Path | None:
    """Return the directory of a repository on this machine's file system, None for others."""
    scheme = re.match(r"([A-Za-z0-9]+):", url)
    if scheme is None:
        return Path(url)
    return Path(url[scheme.end() :]) if scheme[1] == "local" else None


def directory_bytes(directory: Path) -> int:
    """Return the size of all files of a repository in a directory.

    Raises:
        RepositoryMissing: There is no such directory.
    """
    if not directory.is_dir():
        raise RepositoryMissing(f"there is no repository at {directory}")
    return sum(_sizes(directory))


def require_files(place: Place) -> None:
    """Check the files that restic or ssh will read, before either is started.

    Raises:
        ConfigurationError: One is missing, empty or unreadable; restic would ask, or ssh
            would try other keys.
    """
    _content(place.password_file, "password_file", place.url)
    if place.sftp is not None:
        _content(place.sftp.identity_file, "sftp.identity_file", place.url)
        _content(place.sftp.known_hosts_file, "sftp.known_hosts_file", place.url)


def environment_variables(*places: Place) -> dict[str, str]:
    """Read the environment variables of the back ends of a call.

    The only secrets that are handed over by value: cloud back ends take their keys no other
    way. They reach the environment of restic alone, never an argument or a message.

    Raises:
        ConfigurationError: A file is missing, empty or unreadable, or the two sides of a copy
            want different values of one variable.
    """
    variables: dict[str, str] = {}
    for place in places:
        for name, path in place.environment_files.items():
            value = _content(path, f"environment_files.{name}", place.url)
            if variables.setdefault(name, value) != value:
                raise ConfigurationError(
                    f"`environment_files.{name}` differs between {places[0].url} and {place.url},"
                    " and restic has one environment for both sides of a copy"
                )
    return variables


def _content(path: Path, field: str, url: str) -> str:
    try:
        content = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"`{field}` of {url}: cannot read {path}: {reason}") from None
    if not content:
        raise ConfigurationError(f"`{field}` of {url}: {path} is empty")
    return content


def _sizes(directory: Path | os.DirEntry[str]) -> Iterator[int]:
    # A repository has a file per snapshot and per pack; ``rglob`` takes four times as long.
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry)
            else:
                with suppress(FileNotFoundError):  # restic removed it while we looked
                    yield entry.stat().st_size
