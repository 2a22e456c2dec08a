"""The backup stack beside the sample platform: it backs up by itself, and hides what is secret."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.deployment.asking import LAUNCH, runs
from tests.end_to_end.deployment.bench import OPERATOR, Deployment, as_json, eventually

pytestmark = pytest.mark.end_to_end


def test_the_scheduled_backup_is_proven_and_status_is_good(deployed: Deployment) -> None:
    """Inside and outside the containers alike, with the same configuration file."""

    def proven() -> bool:
        return as_json(deployed.inside("status", "--json"))[0] == 0

    eventually(proven, "the sensor has every snapshot drilled")
    inside, outside = (
        as_json(ask("status", "--json")) for ask in (deployed.inside, deployed.outside)
    )
    for code, status in (inside, outside):
        assert (code, status["verdict"]) == (0, "GOOD"), status["reasons"]
        assert status["posture"]["unproven"] == 0
        assert len(status["volumes"]) == 4
    volumes = {volume["proven_snapshot"] for volume in inside[1]["volumes"]}

    def drilled() -> bool:
        drills = runs(deployed, pipelineName="restore_drill", statuses=["SUCCESS"])
        tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in drills]
        return volumes <= {tag["alt_backup/snapshot"] for tag in tags}

    # A proof is there a moment before the run that made it has ended.
    eventually(drilled, "a run of its own drilled each snapshot")


def test_each_run_had_a_container_and_what_it_said_outlives_it(deployed: Deployment) -> None:
    """The container stays for a day with its own log; what the run printed is on the volume."""
    ended = [container for container in deployed.runs() if container.status == "exited"]
    assert ended
    labels = {container.labels["dagster/run_id"] for container in ended}
    assert labels & {run["runId"] for run in runs(deployed)}

    def kept() -> set[str]:
        return labels & set(deployed.run("ui", "ls", "/var/log/dagster")[1].split())

    eventually(kept, "what a run printed is on the volume")


def test_the_ui_for_everybody_only_shows(deployed: Deployment) -> None:
    """It launches nothing; the one that does asks who is there."""
    shown = deployed.ask("{ runsOrError(limit: 1) { __typename } }", admin=False)
    assert shown["runsOrError"]["__typename"] == "Runs"
    refused = deployed.ask(LAUNCH, admin=False, tags=[])["launchRun"]
    assert refused["__typename"] == "UnauthorizedError"
    port = deployed.stack("port", "ui-proxy", "3000").strip()
    for credentials in (None, (OPERATOR, "wrong")):
        answer = httpx.get(f"http://{port}/server_info", auth=credentials)
        assert answer.status_code == 401


def test_prometheus_finds_the_metrics_where_they_are_published(deployed: Deployment) -> None:
    """With the configuration of the example, which says nothing of the container's addresses."""
    # Its reading of before the backup is good for five minutes.
    deployed.stack("restart", "metrics")
    port = deployed.stack("port", "metrics", "9189").strip()

    def scrape() -> str:
        answer = httpx.get(f"http://{port}/metrics", timeout=60)
        answer.raise_for_status()
        return answer.text

    scraped = eventually(scrape, "the metrics are served")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(scraped)
        for sample in family.samples
    }
    assert samples["backup_repository_initialized",] == 1
    assert samples["backup_offsite_reachable",] == 1
    for database in ("alt", "kratos"):
        assert samples["backup_postgres_size_bytes", database] > 0
    assert deployed.run("metrics", "healthy", "metrics")[0] == 0


ALLOWED = {
    "GET /v1.41/_ping": 200,
    "GET /version": 200,
    "GET /v1.41/containers/json": 200,
    "GET /v1.41/containers/nobody/json": 404,
    "GET /v1.41/containers/nobody/logs?stdout=1": 404,
    "GET /v1.41/containers/nobody/archive?path=/": 404,
    "GET /v1.41/exec/0123abc/json": 404,
    "GET /v1.41/volumes": 200,
    "GET /v1.41/volumes/nobody": 404,
    "GET /v1.41/networks/nobody": 404,
    "GET /v1.41/images/nobody/at:home/json": 404,
    "POST /v1.41/containers/nobody/start": 404,
    "POST /v1.41/containers/nobody/stop?t=3": 404,
    "POST /v1.41/containers/nobody/kill": 404,
    "POST /v1.41/containers/nobody/wait": 404,
    "DELETE /v1.41/containers/nobody?v=1": 404,
}
REFUSED = (
    "GET /v1.41/info",
    "GET /v1.41/events",
    "GET /v1.41/system/df",
    "GET /v1.41/secrets",
    "GET /v1.41/swarm",
    "GET /v1.41/images/json",
    "GET /v1.41/images/nobody/get",
    "GET /v1.41/containers/nobody/export",
    "GET /v1.41/containers/nobody/top",
    "GET /v1.41/containers/../images/json",
    "POST /v1.41/auth",
    "POST /v1.41/build",
    "POST /v1.41/containers/prune",
    "POST /v1.41/containers/nobody/update",
    "POST /v1.41/containers/nobody/rename?name=other",
    "POST /v1.41/containers/nobody/attach",
    "POST /v1.41/images/create?fromImage=nobody",
    "POST /v1.41/images/prune",
    "POST /v1.41/networks/create",
    "POST /v1.41/networks/prune",
    "POST /v1.41/plugins/pull",
    "POST /v1.41/session",
    "POST /v1.41/swarm/init",
    "POST /v1.41/volumes/create",
    "POST /v1.41/volumes/prune",
    "PUT /v1.41/volumes/nobody",
    "DELETE /v1.41/images/nobody",
    "DELETE /v1.41/networks/nobody",
    "DELETE /v1.41/volumes/nobody",
    "OPTIONS /v1.41/containers/json",
)
_CALLS = """
import http.client, json, sys
answers = {}
for call in json.load(sys.stdin):
    engine = http.client.HTTPConnection("docker-proxy", 2375, timeout=30)
    engine.request(*call.split(" ", 1))
    answers[call] = engine.getresponse().status
print(json.dumps(answers))
"""


def test_the_proxy_lets_through_what_is_needed_and_refuses_the_rest(deployed: Deployment) -> None:
    """Call by call, from where the code server is; what was refused is in the proxy's log."""
    calls = json.dumps([*ALLOWED, *REFUSED])
    program = f"echo {calls!r} | python3 -c '{_CALLS}'"
    _, said = deployed.run("code", "sh", "-c", program)
    answers = json.loads(said)
    assert {call: answers[call] for call in ALLOWED} == ALLOWED
    assert {call: answers[call] for call in REFUSED} == dict.fromkeys(REFUSED, 403)
    assert b"403" in deployed.container("docker-proxy").logs()


def test_only_the_proxy_holds_the_docker_socket(deployed: Deployment) -> None:
    """Neither the services nor the containers of runs; and nobody is privileged."""
    services = (
        "code",
        "daemon",
        "metrics",
        "ui",
        "ui-admin",
        "ui-proxy",
        "storage",
        "docker-proxy",
    )
    for container in (*map(deployed.container, services), *deployed.runs()):
        mounted = {mount["Destination"] for mount in container.attrs["Mounts"]}
        is_proxy = container.labels["com.docker.compose.service"] == "docker-proxy"
        assert ("/var/run/docker.sock" in mounted) is is_proxy
        assert container.attrs["HostConfig"]["Privileged"] is False


def test_volumes_are_mounted_read_only(deployed: Deployment) -> None:
    """Each planned one, in the code server and in every run, whatever the program tries."""
    planned = {f"/data/{volume.name}" for volume in deployed.site.registry.planned}
    for container in (deployed.container("code"), *deployed.runs()):
        mounts = {m["Destination"]: m["RW"] for m in container.attrs["Mounts"]}
        assert planned <= set(mounts)
        assert not any(mounts[path] for path in planned)
    _, said = deployed.run("code", "touch", "/data/oauth_token_data/token.json")
    assert "Read-only file system" in said


def test_no_secret_is_to_be_seen(deployed: Deployment) -> None:
    """Not in `docker inspect`, process lists, logs, nor anywhere in Dagster's storage."""
    seen: dict[str, str] = {}
    label = "com.docker.compose.project"
    for project in (deployed.name, f"{deployed.name}-backup"):
        every = deployed.client.containers.list(
            all=True, filters={"label": f"{label}={project}"}, ignore_removed=True
        )
        for container in every:
            seen[f"inspect of {container.name}"] = json.dumps(container.attrs)
            seen[f"logs of {container.name}"] = container.logs().decode(errors="replace")
            if container.status == "running":
                seen[f"processes of {container.name}"] = json.dumps(container.top(ps_args="-ef"))
    _, seen["Dagster's storage"] = deployed.run("storage", "pg_dump", "-U", "dagster", "dagster")
    patterns = [part for word in deployed.secrets.values() for part in ("-e", word)]
    assert deployed.run("ui", "grep", "-rhF", *patterns, "/var/log/dagster") == (1, "")
    assert "daily_backup" in seen["Dagster's storage"]
    assert len(seen) > 20
    found = [
        f"the {kind} password in {where}"
        for where, text in seen.items()
        for kind, word in deployed.secrets.items()
        if word in text
    ]
    assert found == []


def test_the_override_says_when_it_no_longer_fits(deployed: Deployment, tmp_path: Path) -> None:
    """`alt-backup compose --check` is 0 on what was started, and 1 once a mount is missing."""
    file = deployed.directory / "site.yaml"
    assert deployed.outside("compose", "--check", "--output", str(file))[0] == 0
    other = tmp_path / "site.yaml"
    other.write_text(file.read_text().replace("platform_oauth_token_data", "platform_other"))
    assert deployed.outside("compose", "--check", "--output", str(other))[0] == 1
