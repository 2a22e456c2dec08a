"""The files a configuration points at: whether they can do their work.

Holds one check per kind of file, each returning a sentence or nothing, so that all of them are
reported at once. Nothing of what is in a file ever reaches a sentence. Keep out: whether a
password is the right one; only its repository knows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from alt_backup_assets.config.configuration import Configuration
from alt_backup_assets.config.repository import Repository
from alt_backup_assets.config.signals import Pings, Signals


def check_files(configuration: Configuration) -> tuple[str, ...]:
    """Look at every file and directory the configuration names.

    Args:
        configuration: As ``load_configuration`` returns it, with absolute paths.

    Returns:
        What is wrong, one sentence each with field and path; empty if nothing is.
    """
    return tuple(_problems(configuration))


def _problems(configuration: Configuration) -> Iterator[str]:
    repositories = configuration.repositories
    yield from _of_repository("repositories.local", repositories.local)
    if repositories.offsite is not None:
        yield from _of_repository("repositories.offsite", repositories.offsite)
    directories = configuration.directories
    yield from _of_directory("directories.state", directories.state)
    if directories.scratch is not None:
        yield from _of_directory("directories.scratch", directories.scratch)
    yield from _of_signals(configuration.signals)


def _of_repository(field: str, repository: Repository) -> Iterator[str]:
    yield from _of_secret(f"{field}.password_file", repository.password_file)
    for variable, path in repository.environment_files.items():
        yield from _of_secret(f"{field}.environment_files.{variable}", path)
    if repository.sftp is not None:
        yield from _of_secret(f"{field}.sftp.identity_file", repository.sftp.identity_file)
        yield from _of_file(f"{field}.sftp.known_hosts_file", repository.sftp.known_hosts_file)


def _of_signals(signals: Signals) -> Iterator[str]:
    service = signals.ping_service
    named: dict[str, Path | None] = {
        "messages": signals.messages,
        "ping_service.key_file": service.key_file if service else None,
        **{f"pings.{job}": getattr(signals.pings, job) for job in Pings.model_fields},
    }
    for field, path in named.items():
        if path is not None:
            yield from _of_secret(f"signals.{field}", path)


def _of_secret(field: str, path: Path) -> Iterator[str]:
    wrong = tuple(_of_file(field, path))
    yield from wrong
    if not wrong and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        yield f"{field}: {path} is open to group or others (mode {mode:04o}); chmod 600 it"


def _of_file(field: str, path: Path) -> Iterator[str]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            yield f"{field}: {path} is a directory, not a file"
        elif not stat.S_ISREG(mode):
            yield f"{field}: {path} is not a regular file"
        elif not path.read_bytes().strip():
            yield f"{field}: {path} is empty"
    except FileNotFoundError:
        yield f"{field}: {path} does not exist"
    except OSError as error:
        yield f"{field}: {path} cannot be read: {error.strerror}"


def _of_directory(field: str, path: Path) -> Iterator[str]:
    try:
        existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    except OSError as error:
        yield f"{field}: {path} cannot be reached: {error.strerror}"
        return
    if not existing.is_dir():
        yield f"{field}: {path} cannot be a directory: {existing} is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        do = "written to" if existing == path else "made"
        yield f"{field}: {path} cannot be {do}: no permission to write in {existing}"
