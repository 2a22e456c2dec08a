"""The recovery kit: what has to be had besides a repository to get everything back.

A plain tar archive, since on the day it is needed there may be nothing else to read it with. It
holds every secret of the site in the clear: only its mode, and whoever keeps it, protect it.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from alt_backup_assets.config import Configuration, DockerPlatform
from alt_backup_assets.deployment.mounts import files_read
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.tools.restic.place import local_directory

FILES = "files"
_README = """\
Recovery kit of {name}, made on {made_at:%Y-%m-%d %H:%M} UTC by alt-backup {version}.

It opens every backup of this platform. Keep it apart from the machine and from the repositories,
as you would keep a key to both; make it again whenever a password, a key or a registry changes.

On a bare machine, as root, with a Docker engine and this product installed (`pip install
alt_backup_assets=={version}`, and restic 0.17.1 or newer):

    tar -xpf KIT -C / --strip-components=1 {files}
    alt-backup config validate --config {config}
    alt-backup snapshots --config {config} --from offsite
    docker compose -p {project} create                # in the platform's own checkout
    alt-backup restore --all --from offsite --config {config}

Repositories:
{repositories}
Volumes that can be brought back:
{volumes}
In this archive:
{listing}"""


def kit_files(
    configuration_file: Path, config: Configuration, registry: Registry
) -> tuple[Path, ...]:
    """Return every file the kit holds.

    Raises:
        ConfigurationError: One is missing; a kit without it would be found out on the worst day.
    """
    source = configuration_file.absolute()
    platform = config.platform
    declared = (
        (*platform.compose_files, *platform.env_files)
        if isinstance(platform, DockerPlatform)
        else ()
    )
    beside = [path for path in (source.parent / "storage_password",) if path.is_file()]
    files = sorted({source, *files_read(config, registry), *declared, *beside})
    if missing := [str(path) for path in files if not path.is_file()]:
        raise ConfigurationError(f"the kit would lack {', '.join(missing)}: no such file")
    return tuple(files)


def require_apart(target: Path, config: Configuration) -> None:
    """Require that a kit is not written to where it would be lost with what it opens.

    Raises:
        ConfigurationError: It is in a repository or in our own directory.
    """
    repositories = config.repositories
    urls = [repositories.local.url, *([repositories.offsite.url] if repositories.offsite else [])]
    own = [config.directories.state, *filter(None, map(local_directory, urls))]
    for directory in own:
        if target.absolute().is_relative_to(directory):
            raise ConfigurationError(
                f"{target} is inside {directory}, and would be lost together with it: write the "
                "kit to a medium that is kept elsewhere"
            )


def write_kit(stream: IO[bytes], files: tuple[Path, ...], readme: str, made_at: datetime) -> None:
    """Write the archive.

    Args:
        stream: Where to.
        files: From ``kit_files``; each keeps its whole path and its mode.
        readme: From ``write_readme``.
        made_at: Time of the archive, aware.
    """
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "README.txt", readme.encode(), 0o600, made_at)
        for path in files:
            mode = path.stat().st_mode & 0o777
            _add(archive, f"{FILES}{path.absolute()}", path.read_bytes(), mode, made_at)


def write_readme(
    configuration_file: Path,
    config: Configuration,
    registry: Registry,
    files: tuple[Path, ...],
    *,
    made_at: datetime,
    version: str,
) -> str:
    """Return what to do with the kit, in the words of this very site."""
    platform = config.platform
    return _README.format(
        name=platform.name,
        project=platform.project if isinstance(platform, DockerPlatform) else platform.name,
        made_at=made_at,
        version=version,
        files=FILES,
        config=configuration_file.absolute(),
        repositories=_lines(_repositories(config)),
        volumes=_lines(f"{v.name} ({v.engine}, service {v.service})" for v in registry.planned),
        listing=_lines(str(path) for path in files),
    )


def open_private(target: Path) -> IO[bytes]:
    """Open a new file that nobody else can ever read.

    Raises:
        ConfigurationError: There is one already; a kit is never written over.
    """
    try:
        return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise ConfigurationError(f"{target} is there already: name a new file") from None


def _repositories(config: Configuration) -> Iterator[str]:
    repositories = config.repositories
    yield f"local: {repositories.local.url}"
    if repositories.offsite:
        yield f"offsite: {repositories.offsite.url}"


def _lines(words: Iterator[str]) -> str:
    return "".join(f"    {word}\n" for word in words)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int, made_at: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), mode, int(made_at.timestamp())
    archive.addfile(member, io.BytesIO(content))
