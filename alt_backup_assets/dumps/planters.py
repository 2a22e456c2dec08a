"""The engines whose faults this version can plant, and so whose drill it can prove to notice."""

from __future__ import annotations

from alt_backup_assets.dumps.clickhouse import faults as clickhouse
from alt_backup_assets.dumps.files import faults as files
from alt_backup_assets.dumps.planting import Planter
from alt_backup_assets.dumps.postgresql import faults as postgresql
from alt_backup_assets.dumps.redis import faults as redis

PLANTERS: dict[str, Planter] = {
    "postgresql": postgresql,
    "redis": redis,
    "clickhouse": clickhouse,
    "files": files,
}
