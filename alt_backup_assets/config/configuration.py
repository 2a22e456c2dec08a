"""The whole configuration file: its shape, finding it, loading it, writing it out again.

Secrets are only ever paths of files, so all of it can be shown. Keep out: looking at the files
it names (``files``), and the wording of what is wrong (``tools.yaml``).
"""

from __future__ import annotations

import os
import zoneinfo
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from alt_backup_assets.config.cron import CronLine
from alt_backup_assets.config.platform import DockerPlatform, LocalPlatform
from alt_backup_assets.config.proofs import OffsiteProof, RetentionGuard
from alt_backup_assets.config.repository import Repositories
from alt_backup_assets.config.signals import Signals
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.tools.yaml import read_mapping, validated
from alt_backup_assets.values import Frozen, LocatedPath, Name, located, near_miss

ENVIRONMENT_VARIABLE = "ALT_BACKUP_CONFIG"


def _program(value: object, info: ValidationInfo) -> object:
    named = isinstance(value, str) and "/" not in value and bool(value.strip())
    return value if named else located(value, info)


def _time_zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: "Asia" is a directory of zones
        near = near_miss(value, zoneinfo.available_timezones())
        raise ValueError(f"must be a time zone such as Asia/Tokyo{near}") from None


Program = Annotated[Path, BeforeValidator(_program)]
"""A program: a bare name is looked up in PATH, anything with a slash is a path."""

TimeZone = Annotated[zoneinfo.ZoneInfo, BeforeValidator(_time_zone)]
"""A time zone of the IANA data base."""


class Directories(Frozen):
    """Where this product keeps its own files.

    Attributes:
        state: Dumps, records, locks and the proof ledger. Mode 0700.
        scratch: Room for restores; None for a directory inside ``state``.
    """

    state: LocatedPath
    scratch: LocatedPath | None = None


class Schedules(Frozen):
    """Cron lines in the configured time zone.

    Attributes:
        hourly_snapshots: The hourly job puts its dumps into the repository too.
        hourly_spares_unchanged: The hourly job takes no dump of a server that has not changed
            since its newest dump of the day; that dump's time is renewed.
    """

    hourly: CronLine = "0 * * * *"
    daily: CronLine = "0 3 * * *"
    log_rotation: CronLine = "0 4 * * *"
    offsite: CronLine = "0 5 * * *"
    metrics: CronLine = "30 * * * *"
    weekly_drill: CronLine = "0 6 * * 0"
    offsite_drill: CronLine = "0 7 * * *"
    self_test: CronLine = "0 8 * * 0"
    hourly_snapshots: bool = False
    hourly_spares_unchanged: bool = True


class Configuration(Frozen):
    """Everything an operator decides.

    Attributes:
        platform: The machine that is protected.
        registry: A shipped registry's name (``alt``, ``demo``) or a path, relative to the
            configuration file.
        timezone: The only place for it: backup days and schedules follow it.
        host: First part of every asset key where several hosts share one Dagster.
        directories: Our own files.
        repositories: Where snapshots go.
        schedules: When things run.
        signals: How a person hears of it.
        retention_guard: When old snapshots are not removed.
        offsite_proof: How much is restored from offsite, and how often.
        workers: Volumes worked on side by side.
        read_data_parts: `check` reads 1/n of the repository's data each time.
        restic: The restic program.
        log_days: Age in days after which logs and Dagster's run history are removed.
    """

    platform: Annotated[LocalPlatform | DockerPlatform, Field(discriminator="kind")]
    registry: str
    timezone: TimeZone
    host: Name | None = None
    directories: Directories
    repositories: Repositories
    schedules: Schedules = Schedules()
    signals: Signals = Signals()
    retention_guard: RetentionGuard = RetentionGuard()
    offsite_proof: OffsiteProof = OffsiteProof()
    workers: int = Field(default=2, ge=1, le=32)
    read_data_parts: int = Field(default=7, ge=1)
    restic: Program = Path("restic")
    log_days: int = Field(default=30, ge=1)

    @field_validator("registry")
    @classmethod
    def _registry_file(cls, registry: str, info: ValidationInfo) -> str:
        return str(located(registry, info)) if is_file_name(registry) else registry

    @field_validator("signals")
    @classmethod
    def _watches_others(cls, signals: Signals, info: ValidationInfo) -> Signals:
        watched, host = signals.neighbours.hosts, info.data.get("host")
        if watched and (host is None or host in watched):
            raise ValueError("must name other hosts than `host` as `neighbours.hosts`")
        return signals


def is_file_name(registry: str) -> bool:
    """Tell whether a registry is named by its file; a bare word names a shipped one."""
    return "/" in registry or registry.endswith((".yaml", ".yml")) or not registry.strip()


def configuration_path(explicit: Path | None) -> Path:
    """Return where the configuration is.

    Args:
        explicit: What ``--config`` names; None looks at ``ALT_BACKUP_CONFIG``.

    Raises:
        ConfigurationError: Neither is set.
    """
    if explicit is not None:
        return explicit
    named = os.environ.get(ENVIRONMENT_VARIABLE, "")
    if not named:
        raise ConfigurationError(
            f"there is no configuration: give --config FILE or set {ENVIRONMENT_VARIABLE}"
        )
    return Path(named)


def load_configuration(path: Path) -> Configuration:
    """Read and check the configuration file.

    Args:
        path: The file. Relative paths in it start at its directory.

    Raises:
        ConfigurationError: It cannot be read, or something in it is wrong; the message has
            one line per problem, each with file and field.
    """
    return validated(Configuration, read_mapping(path), path)


def as_yaml(configuration: Configuration) -> str:
    """Write a configuration as a file that loads as the same configuration."""
    content = configuration.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
