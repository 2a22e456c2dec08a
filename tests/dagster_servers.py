"""Dagster's own servers as processes of their own: code servers, the daemon, the UI; loopback only.

Holds starting, asking and killing them. Keep out: what a test expects of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.dagster_home import MODULE
from tests.ports import free_port

LOADED = """
{ workspaceOrError { ... on Workspace {
    locationEntries { name locationOrLoadError { __typename } } } } }
"""
LAUNCH = """
mutation ($location: String!, $job: String!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: $location, repositoryName: "__repository__", jobName: $job},
    runConfigData: {}, executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""


@contextmanager
def serving(
    directory: Path, name: str, environment: Mapping[str, str], *argv: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of Dagster's programs; it is gone afterwards, with all it started.

    Args:
        directory: Its working directory; what it says goes to ``NAME.log`` in there.
        name: Of the log.
        environment: All it gets.
        argv: The module of the program, and its arguments.
    """
    with (directory / f"{name}.log").open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server's whole process group: code servers outlive it otherwise."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=15)
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and all it started, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=15)


def workspace(file: Path, ports: Mapping[str, int]) -> Path:
    """Write a workspace of code servers, by their locations' names."""
    servers = [
        {"grpc_server": {"host": "127.0.0.1", "port": port, "location_name": name}}
        for name, port in ports.items()
    ]
    file.write_text(yaml.safe_dump({"load_from": servers}))
    return file


def code_server(port: int) -> tuple[str, ...]:
    """Return the call of a code server."""
    return ("dagster", "api", "grpc", "-m", MODULE, "-h", "127.0.0.1", "-p", str(port))


@dataclass(frozen=True)
class Ui:
    """A running web server.

    Attributes:
        url: Where it answers.
    """

    url: str

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask its GraphQL interface."""
        question = {"query": query, "variables": variables}
        said = httpx.post(f"{self.url}/graphql", json=question, timeout=60, trust_env=False)
        assert said.status_code == httpx.codes.OK, said.text
        answer = said.json()
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def locations(self) -> dict[str, bool]:
        """Return the code locations, and whether each is there."""
        entries = self.ask(LOADED)["workspaceOrError"]["locationEntries"]
        return {
            entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename")
            == "RepositoryLocation"
            for entry in entries
        }

    def launch(self, location: str, job: str, day: str) -> str:
        """Launch a job for a day and return the run's id."""
        tags = [{"key": "dagster/partition", "value": day}]
        done = self.ask(LAUNCH, location=location, job=job, tags=tags)["launchRun"]
        assert done["__typename"] == "LaunchRunSuccess", done
        return str(done["run"]["runId"])


@contextmanager
def web_server(directory: Path, environment: Mapping[str, str], *where: str) -> Iterator[Ui]:
    """Run the UI.

    Args:
        directory: Its working directory.
        environment: All it gets.
        where: What it shows: ``-m MODULE`` or ``-w WORKSPACE``.
    """
    port = free_port()
    argv = ("dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *where)
    with serving(directory, "ui", environment, *argv):
        yield Ui(f"http://127.0.0.1:{port}")
