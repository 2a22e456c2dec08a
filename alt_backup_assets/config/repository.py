"""Where snapshots go, as the configuration names it.

Holds one value per repository, with its retention and how it is reached. Keep out: running
restic, which ``tools.restic`` does.
"""

from __future__ import annotations

import re

from pydantic import Field, ValidationInfo, field_validator

from alt_backup_assets.values import Frozen, LocatedPath, Variable, located, near_miss, one_word

BACK_ENDS = ("azure", "b2", "gs", "local", "rclone", "rest", "s3", "sftp", "swift")
"""What can stand before the colon of a repository's URL (restic 0.18, "Preparing a new
repository")."""


class Retention(Frozen):
    """How many snapshots restic keeps per volume; 0 switches one off."""

    hourly: int = Field(default=24, ge=0)
    daily: int = Field(default=7, ge=0)
    weekly: int = Field(default=4, ge=0)
    monthly: int = Field(default=3, ge=0)


class OffsiteRetention(Retention):
    """The same elsewhere, where more is kept; what is not written stays at these numbers."""

    hourly: int = Field(default=0, ge=0)
    daily: int = Field(default=30, ge=0)
    weekly: int = Field(default=12, ge=0)
    monthly: int = Field(default=6, ge=0)


class Sftp(Frozen):
    """How ssh reaches an ``sftp:`` repository, without asking anything.

    Attributes:
        port: TCP port.
        identity_file: Private key.
        known_hosts_file: Keys of the host; an unknown host is refused.
        connect_timeout_seconds: How long ssh waits for the host.
    """

    port: int = Field(default=22, ge=1, le=65535)
    identity_file: LocatedPath
    known_hosts_file: LocatedPath
    connect_timeout_seconds: int = Field(default=20, ge=1)


class Repository(Frozen):
    """One restic repository.

    Attributes:
        url: restic's repository location.
        password_file: File that holds its password.
        medium: What it is kept on, for counting media.
        retention: Snapshots kept per volume.
        append_only: Nothing can be deleted there from here; no retention runs from here.
        sftp: For ``sftp:`` locations.
        environment_files: Files whose content becomes an environment variable of restic
            (cloud back ends take their keys no other way), by variable name.
        limit_upload_kib: Upload limit in KiB/s; None for none.
        limit_download_kib: Download limit in KiB/s; None for none.
    """

    url: str
    password_file: LocatedPath
    medium: str = "disk"
    retention: Retention = Retention()
    append_only: bool = False
    sftp: Sftp | None = None
    environment_files: dict[Variable, LocatedPath] = Field(default_factory=dict)
    limit_upload_kib: int | None = Field(default=None, ge=1)
    limit_download_kib: int | None = Field(default=None, ge=1)

    @field_validator("url")
    @classmethod
    def _place(cls, url: str, info: ValidationInfo) -> str:
        if re.search(r"://[^/@]*:[^/@]*@", url):
            raise ValueError(
                "must not hold a password, since every process could read it; give the path of "
                "a file with it in `environment_files`"
            )
        scheme = re.match(r"([A-Za-z0-9]+):", url)
        if scheme is None:
            return str(located(url, info))
        if scheme[1] not in BACK_ENDS:
            near = near_miss(scheme[1], BACK_ENDS)
            raise ValueError(f"must be a directory or begin with a back end of restic{near}")
        if scheme[1] == "local":
            return f"local:{located(url[scheme.end() :], info)}"
        return one_word(url)

    @field_validator("sftp")
    @classmethod
    def _only_for_sftp(cls, sftp: Sftp | None, info: ValidationInfo) -> Sftp | None:
        if sftp is not None and not info.data.get("url", "sftp:").startswith("sftp:"):
            raise ValueError("is only for a `url` that begins with sftp:")
        return sftp


class OffsiteRepository(Repository):
    """The second repository; keeps more, for longer.

    Attributes:
        check: Check its structure too, with every check of the local one.
    """

    retention: OffsiteRetention = OffsiteRetention()
    check: bool = False


class Repositories(Frozen):
    """The repository beside the data, and the one elsewhere."""

    local: Repository
    offsite: OffsiteRepository | None = None

    @field_validator("offsite")
    @classmethod
    def _elsewhere(
        cls, offsite: OffsiteRepository | None, info: ValidationInfo
    ) -> OffsiteRepository | None:
        local: Repository | None = info.data.get("local")
        if local is not None and offsite is not None and local.url == offsite.url:
            raise ValueError("must have another `url` than `repositories.local`")
        return offsite
