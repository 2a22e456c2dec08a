"""The one configuration file an operator writes (``--config FILE``, ``ALT_BACKUP_CONFIG``).

Read it from the inside out: ``platform`` (what is protected), ``repository`` (where it goes),
``cron`` (when), ``configuration`` (the whole file), ``files`` (what it points at).
"""

from alt_backup_assets.config.configuration import (
    ENVIRONMENT_VARIABLE,
    Configuration,
    Directories,
    Schedules,
    as_yaml,
    configuration_path,
    is_file_name,
    load_configuration,
)
from alt_backup_assets.config.files import check_files
from alt_backup_assets.config.platform import DockerPlatform, LocalPlatform, LocalService
from alt_backup_assets.config.proofs import OffsiteProof, RetentionGuard
from alt_backup_assets.config.repository import (
    OffsiteRepository,
    OffsiteRetention,
    Repositories,
    Repository,
    Retention,
    Sftp,
)
from alt_backup_assets.config.signals import Metrics, Pings, PingService, Signals

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "Configuration",
    "Directories",
    "DockerPlatform",
    "LocalPlatform",
    "LocalService",
    "Metrics",
    "OffsiteProof",
    "OffsiteRepository",
    "OffsiteRetention",
    "PingService",
    "Pings",
    "Repositories",
    "Repository",
    "Retention",
    "RetentionGuard",
    "Schedules",
    "Sftp",
    "Signals",
    "as_yaml",
    "check_files",
    "configuration_path",
    "is_file_name",
    "load_configuration",
]
