"""Asking Dagster through its UI's interface: what ran, and that something should."""

from __future__ import annotations

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


def runs(deployed: Deployment, **wanted: object) -> list[dict[str, Any]]:
    """Return runs, the newest first."""
    found = deployed.ask(RUNS, filter=wanted, limit=50)["runsOrError"]["results"]
    return list(found)


def launch(deployed: Deployment, job: str = "daily_backup") -> str:
    """Launch a job through the UI of the operators and return the run's id."""
    tags = [{"key": "dagster/partition", "value": deployed.site.today.isoformat()}]
    done = deployed.ask(LAUNCH, tags=tags, job=job)["launchRun"]
    assert done["__typename"] == "LaunchRunSuccess", done
    return str(done["run"]["runId"])


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
