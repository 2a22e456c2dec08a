"""The engines this version can dump and prove."""

from __future__ import annotations

from alt_backup_assets.dumps.clickhouse import driver as clickhouse
from alt_backup_assets.dumps.engine import Driver
from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.grafana import driver as grafana
from alt_backup_assets.dumps.meilisearch import driver as meilisearch
from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.prometheus import driver as prometheus
from alt_backup_assets.dumps.redis import driver as redis
from alt_backup_assets.dumps.tar import driver as tar
from alt_backup_assets.errors import EngineNotSupported

DRIVERS: dict[str, Driver] = {
    "clickhouse": clickhouse,
    "files": files,
    "grafana": grafana,
    "meilisearch": meilisearch,
    "postgresql": postgresql,
    "prometheus": prometheus,
    "redis": redis,
    "tar": tar,
}


def driver(engine: str | None, volume: str) -> Driver:
    """Return the driver of an engine.

    Raises:
        EngineNotSupported: The registry may name it, but nothing here can dump it yet.
    """
    if engine not in DRIVERS:
        known = ", ".join(sorted(DRIVERS))
        raise EngineNotSupported(
            f"{volume}: the engine {engine} has no driver in this version (there are: {known});"
            " the volume is NOT backed up"
        )
    return DRIVERS[engine]
