"""Asking Dagster through its UI's interface: what ran, and that something should."""

from __future__ import annotations

import secrets
from typing import Any

from tests.end_to_end.deployment.bench import Deployment, eventually

RUNS = """
query ($filter: RunsFilter, $limit: Int) {
  runsOrError(filter: $filter, limit: $limit) {
    ... on Runs { results { runId status jobName tags { key value } } }
  }
}
"""
EVENTS = """
query ($run: ID!) {
  logsForRun(runId: $run) { ... on EventConnection { events {
    ... on MessageEvent { message }
    ... on ErrorEvent { error { errorChain { error { message } } } }
  } } }
}
"""
LAUNCH = """
mutation ($tags: [ExecutionTag!], $job: String! = "daily_backup") {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "alt_backup_assets", repositoryName: "__repository__",
               jobName: $job},
    runConfigData: {}, executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
DELETE = """
mutation ($run: String!) { deleteRun(runId: $run) { __typename } }
"""
_UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def runs(deployed: Deployment, **wanted: object) -> list[dict[str, Any]]:
    """Return runs, the newest first."""
    found = deployed.ask(RUNS, filter=wanted, limit=50)["runsOrError"]["results"]
    return list(found)


def under_way(deployed: Deployment) -> list[dict[str, Any]]:
    """Return the runs that have not ended, and those that Dagster is still to take up again."""

    def waits(failed: dict[str, Any]) -> bool:
        tags = {tag["key"]: tag["value"] for tag in failed["tags"]}
        return tags.get("dagster/will_retry") == "true" and "dagster/auto_retry_run_id" not in tags

    found = runs(deployed, statuses=[*_UNDER_WAY, "FAILURE"])
    return [run for run in found if run["status"] != "FAILURE" or waits(run)]


def launch(deployed: Deployment, job: str = "daily_backup") -> str:
    """Launch a job as soon as the UI of the operators takes one, and return the run's id.

    Once: where the answer was lost, the run is found by its mark. One that was made by half only,
    as over a storage that had been away, is removed: Dagster would find it late, and launch it.
    """
    mark = {"key": "alt_backup_test/launch", "value": secrets.token_hex(8)}
    tags = [{"key": "dagster/partition", "value": deployed.site.today.isoformat()}, mark]

    def launched() -> str:
        for run in runs(deployed, tags=[mark]):
            if run["status"] != "NOT_STARTED":
                return str(run["runId"])
            deployed.ask(DELETE, run=run["runId"])
        done = deployed.ask(LAUNCH, tags=tags, job=job)["launchRun"]
        assert done["__typename"] == "LaunchRunSuccess", done
        return str(done["run"]["runId"])

    return eventually(launched, "the UI takes a job")


def finished(deployed: Deployment, run_id: str) -> str:
    """Return how a run ended, once it has."""
    ends = {"SUCCESS", "FAILURE", "CANCELED"}

    def ended() -> str | None:
        (run,) = runs(deployed, runIds=[run_id])
        return str(run["status"]) if run["status"] in ends else None

    return eventually(ended, f"run {run_id} ends")


def retried(deployed: Deployment, run_id: str) -> str:
    """Return the run that Dagster took a failed one up again with, once it has."""
    try:
        return eventually(
            lambda: tagged(deployed, "dagster/parent_run_id", run_id), "the run is retried"
        )
    except AssertionError as error:
        raise AssertionError(f"{error}; it said: {said(deployed, run_id)}") from None


def tagged(deployed: Deployment, key: str, value: str) -> str | None:
    """Return the newest run with a tag, if there is one."""
    found = runs(deployed, tags=[{"key": key, "value": value}])
    return str(found[0]["runId"]) if found else None


def said(deployed: Deployment, run_id: str) -> str:
    """Return every message of a run and what its steps failed with, as the UI shows them."""
    events = deployed.ask(EVENTS, run=run_id)["logsForRun"]["events"]
    errors = [event["error"] for event in events if event.get("error")]
    causes = [cause["error"] for error in errors for cause in error["errorChain"]]
    return "\n".join(str(part["message"]) for part in (*events, *causes))
