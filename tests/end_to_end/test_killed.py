"""Killed on the Docker engine: what a dead run leaves in containers is ended or removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import APIError, NotFound

from alt_backup_assets.site import open_site
from tests.end_to_end.stack import VOLUMES, Stack, thrown
from tests.killing import KilledContract, Machine, slowed

pytestmark = pytest.mark.end_to_end

VOLUME = "db_data_17"


class TestKilledOnDocker(KilledContract):
    """The contract, with containers."""

    exclusive = "check"

    @pytest.fixture(name="machine")
    def _machine(self, stack: Stack, tmp_path: Path) -> Iterator[Machine]:
        volumes = {VOLUME: VOLUMES[VOLUME]}
        config = stack.site(tmp_path, volumes=volumes)
        site = open_site(config)
        seen: set[str] = set()

        def restores() -> bool:
            for container in thrown(stack.project, site):
                seen.update(mount["Name"] for mount in container.attrs["Mounts"])
                try:
                    processes = str(container.top())
                except (APIError, NotFound):
                    continue  # it does not run yet, or no more
                if "pg_restore" in processes:
                    return True
            return False

        yield Machine(
            config=config,
            slow=slowed(config),
            volume=VOLUME,
            restores=restores,
            thrown=lambda: [str(container.name) for container in thrown(stack.project, site)],
            connections=lambda: int(
                stack.db.sql(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'alt-backup%'"
                )
            ),
        )
        for volume in seen:
            with pytest.raises(NotFound):
                stack.project.client.volumes.get(volume)
