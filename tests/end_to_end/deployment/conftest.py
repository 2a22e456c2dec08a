"""The stack of these tests: started once, and backed up by its own schedule before the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.deployment.asking import finished, runs
from tests.end_to_end.deployment.bench import Deployment, deployment, eventually

STOP = """
mutation ($id: String!) {
  stopRunningSchedule(id: $id) {
    __typename
    ... on ScheduleStateResult { scheduleState { status } }
  }
}
"""
SCHEDULE = """
{ scheduleOrError(scheduleSelector: {
    repositoryLocationName: "alt_backup_assets", repositoryName: "__repository__",
    scheduleName: "daily_backup"}) { ... on Schedule { id } } }
"""


@pytest.fixture(scope="package", name="deployed")
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return the stack, once the first backup came by itself and all of it was proven."""
    with deployment(tmp_path_factory.mktemp("deployment")) as deployed:

        def first() -> str | None:
            found = runs(deployed, pipelineName="daily_backup")
            return found[-1]["runId"] if found else None

        run = eventually(first, "the schedule launches the daily job")
        schedule = deployed.ask(SCHEDULE)["scheduleOrError"]["id"]
        assert deployed.ask(STOP, id=schedule)["stopRunningSchedule"]["scheduleState"]
        assert finished(deployed, run) == "SUCCESS", deployed.said(run)
        assert deployed.inside("offsite")[0] == 0
        yield deployed
