"""The stack of these tests: started once, and backed up by its own schedule before the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.deployment.asking import await_first_backup
from tests.end_to_end.deployment.bench import Deployment, deployment


@pytest.fixture(scope="package", name="deployed")
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return the stack, once the first backup came by itself."""
    with deployment(tmp_path_factory.mktemp("deployment")) as deployed:
        await_first_backup(deployed)
        yield deployed
