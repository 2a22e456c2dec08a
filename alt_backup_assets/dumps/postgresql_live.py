"""Loading a dump into a running PostgreSQL server: all of it, or nothing."""

from __future__ import annotations

from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.postgresql_content import PostgresqlContent
from alt_backup_assets.errors import RestoreRefused
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume


def wait(volume: Volume, service: Service) -> None:
    """Return once the server takes connections."""
    raise RestoreRefused(f"{volume.name}: cannot be restored yet")


def load(loading: Loading) -> PostgresqlContent:
    """Load every database of a dump."""
    raise RestoreRefused(f"{loading.volume.name}: cannot be restored yet")
