"""The manifest of a directory the former ``altctl`` wrote, as frozen values.

Holds the format and its reading. A field the old tool wrote and nobody needs is passed over; one
that is needed and is not there is an error. Keep out: what is in the files (``verify``).

The format, version 1.0: ``manifest.json`` beside ``volumes/<volume>.tar.gz`` or ``.dump``; each
entry has the sha256 of its file as ``sha256:<hex>``; the overall ``checksum`` is the sha256 over
the name and that text of every entry, in the order of the file, with nothing between them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from alt_backup_assets.errors import ConfigurationError, OldBackupError
from alt_backup_assets.tools.yaml import validated
from alt_backup_assets.values import Frozen, Name, near_miss

MANIFEST = "manifest.json"
TAR, DUMP = ".tar.gz", ".dump"
_PREFIX = "sha256:"
_HEX_DIGITS = 64


def _checksum(value: str) -> str:
    digits = value.removeprefix(_PREFIX)
    known = set(digits) <= set("0123456789abcdef")
    if not value.startswith(_PREFIX) or len(digits) != _HEX_DIGITS or not known:
        raise ValueError(f"must be `{_PREFIX}` and {_HEX_DIGITS} hexadecimal digits")
    return value


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if not value.isprintable() or path.is_absolute() or ".." in path.parts:
        raise ValueError("must be the path of a file inside the backup's directory")
    if not value.endswith((TAR, DUMP)):
        raise ValueError(f"must end in {TAR} or {DUMP}: nothing else can be restored")
    return value


Checksum = Annotated[str, AfterValidator(_checksum)]


class _Old(Frozen):
    """A value of the old tool, whose other fields are passed over."""

    model_config = ConfigDict(extra="ignore")


class OldVolume(_Old):
    """One volume of an old backup.

    Attributes:
        name: The volume.
        filename: Its file, relative to the directory.
        size: Size of the file in bytes.
        checksum: ``sha256:`` and the digits.
        service: The Compose service it belonged to.
        backed_up_at: When its backup began.
    """

    name: Name
    filename: Annotated[str, AfterValidator(_inside)]
    size: int = Field(ge=0)
    checksum: Checksum
    service: str
    backed_up_at: AwareDatetime

    @property
    def is_tar(self) -> bool:
        """Whether it holds the volume's files; otherwise it is a dump of its database."""
        return self.filename.endswith(TAR)


def _each_once(volumes: tuple[OldVolume, ...]) -> tuple[OldVolume, ...]:
    names = Counter(volume.name for volume in volumes)
    files = Counter(str(PurePosixPath(volume.filename)) for volume in volumes)
    if twice := [each for each, count in (names + files).items() if count > 1]:
        raise ValueError(f"must have each volume and file once; twice there: {', '.join(twice)}")
    return volumes


class Manifest(_Old):
    """What the old tool wrote down about one backup."""

    version: Literal["1.0"]
    created_at: AwareDatetime
    volumes: Annotated[tuple[OldVolume, ...], AfterValidator(_each_once)]
    checksum: Checksum

    @property
    def computed_checksum(self) -> str:
        """The overall checksum its entries give."""
        pairs = "".join(volume.name + volume.checksum for volume in self.volumes)
        return _PREFIX + hashlib.sha256(pairs.encode()).hexdigest()

    @property
    def checksum_problem(self) -> str | None:
        """What is wrong with the overall checksum, in a sentence; None where nothing is."""
        if self.checksum == self.computed_checksum:
            return None
        return (
            f"{MANIFEST}: `checksum` is {self.checksum}, and its entries give"
            f" {self.computed_checksum} (sha256 over name and checksum of each, in order):"
            " the manifest was changed after it was written"
        )


@dataclass(frozen=True)
class OldBackup:
    """A directory of the former system with its manifest."""

    directory: Path
    manifest: Manifest

    def volume(self, name: str) -> OldVolume:
        """Return the entry of exactly this name.

        Raises:
            OldBackupError: There is none; the nearest name is in the message.
        """
        for volume in self.manifest.volumes:
            if volume.name == name:
                return volume
        near = near_miss(name, (volume.name for volume in self.manifest.volumes))
        raise OldBackupError(f"`{name}` is not a volume of {self.directory / MANIFEST}{near}")

    def file(self, volume: OldVolume) -> Path:
        """Return where the file of a volume must be."""
        return self.directory / volume.filename


def read_backup(directory: Path) -> OldBackup:
    """Read the manifest of a directory.

    Args:
        directory: One backup of the former ``altctl``.

    Raises:
        OldBackupError: There is no manifest, or it is wrong; one line per problem, each with
            file and field.
    """
    path = directory / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise OldBackupError(
            f"{path}: there is no such file: {directory} is no backup of altctl, or one that"
            " was never finished"
        ) from None
    except OSError as error:
        raise OldBackupError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8 is a ValueError too
        raise OldBackupError(f"{path}: this is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise OldBackupError(f"{path}: must be a mapping of fields")
    try:
        return OldBackup(directory, validated(Manifest, content, path))
    except ConfigurationError as error:
        raise OldBackupError(str(error)) from None
