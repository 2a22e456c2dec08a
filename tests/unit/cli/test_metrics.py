"""``alt-backup metrics``: printed, written, served."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import Fault
from tests.ports import free_port
from tests.sites import started
from tests.unit.cli.conftest import Call, Machine


def test_it_prints_the_text_format(backed_up: Machine, call: Call) -> None:
    """All of stdout is metrics, and the exit code is not the verdict."""
    ran = call("metrics")
    assert ran.code == 0
    read = {family.name: family for family in text_string_to_metric_families(ran.out)}
    assert read["backup_repository_initialized"].samples[0].value == 1
    assert read["backup_status_verdict"].samples[0].value == 2  # the offsite is not there yet
    assert backed_up.local.calls.count("snapshots") >= 1


def test_it_prints_one_object(backed_up: Machine, call: Call) -> None:
    """Each metric with its help and samples; what is not known has none."""
    backed_up.local.faults = {"snapshots": Fault(RepositoryUnreachable("no route"))}
    ran = call("metrics", "--json")
    assert ran.code == 0
    assert set(ran.json) == {"verdict", "reasons", "generated_at", "textfile", "metrics"}
    metrics = {metric["name"]: metric for metric in ran.json["metrics"]}
    assert metrics["backup_repository_initialized"]["samples"] == [{"labels": {}, "value": 0}]
    assert metrics["backup_last_success_timestamp"]["samples"] == []
    assert metrics["backup_last_success_timestamp"]["help"].startswith("Data time.")


def test_it_writes_a_file(backed_up: Machine, call: Call, tmp_path: Path) -> None:
    """The one that is named; stdout says which."""
    path = tmp_path / "named.prom"
    ran = call("metrics", "--textfile", str(path))
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"written to {path}")
    assert b"\nbackup_repository_initialized 1.0\n" in path.read_bytes()
    again = call("metrics", "--json", "--textfile", str(path))
    assert again.json["textfile"] == str(path)


def test_it_writes_the_configured_file(backed_up: Machine, call: Call, tmp_path: Path) -> None:
    """``--textfile`` alone is the configuration's; relative paths start there."""
    config = backed_up.configuration
    config.write_text(f"{config.read_text()}signals: {{metrics: {{textfile: own.prom}}}}\n")
    assert call("metrics", "--textfile").code == 0
    assert (tmp_path / "own.prom").exists()


def test_a_file_nobody_named_is_wrong_usage(backed_up: Machine, call: Call) -> None:
    """Neither named here nor configured."""
    ran = call("metrics", "--textfile")
    assert ran.code == 64
    assert "signals.metrics.textfile" in ran.err


def test_a_file_that_cannot_be_written_is_a_failure(backed_up: Machine, call: Call) -> None:
    """With the reason, and as one object too."""
    path = str(backed_up.directory / "nowhere" / "x.prom")
    assert call("metrics", "--textfile", path).code == 2
    ran = call("metrics", "--json", "--textfile", path)
    assert (ran.code, ran.json["verdict"]) == (2, "FAILED")
    assert "nowhere" in ran.json["reasons"][0]


def test_two_ways_at_once_are_wrong_usage(call: Call, tmp_path: Path) -> None:
    """One process has one way, so that one can be ended without the other."""
    assert call("metrics", "--serve", "--textfile", str(tmp_path / "x.prom")).code == 64
    assert call("metrics", "--serve", "--max-age", "-1").code == 64
    assert call("metrics", "--listen", "127.0.0.2").code == 64
    assert call("metrics", "--port", "9189").code == 64


def _serving(machine: Machine, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server in a process of its own, and wait until it says that it serves."""
    port, config = free_port(), machine.configuration
    config.write_text(f"{config.read_text()}signals: {{metrics: {{port: {port}}}}}\n")
    process = started(config, "metrics", "--serve", "--json", "--max-age", "0", *arguments)
    assert process.stdout is not None
    said = ""
    while not said.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    answer = json.loads(said)
    assert arguments or answer["port"] == port
    return process, f"http://{answer['address']}:{answer['port']}/metrics"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_good_end_of_serving(machine: Machine, number: int) -> None:
    """Exit code 0, whatever it was doing; the repositories here are not even there."""
    process, url = _serving(machine)
    try:
        answer = httpx.get(url, timeout=60)
        assert "\nbackup_repository_initialized 0.0\n" in answer.text
        process.send_signal(number)
        _, complained = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in complained


def test_what_cannot_be_read_is_500_while_it_lasts(machine: Machine) -> None:
    """Every reading opens the operator's files anew: broken they are 500, mended they are 200."""
    process, url = _serving(machine)
    registry = machine.directory / "registry.yaml"
    sound = registry.read_text()
    try:
        registry.write_text("volumes: 7\n")
        broken = httpx.get(url, timeout=60)
        registry.write_text(sound)
        mended = httpx.get(url, timeout=60)
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert (broken.status_code, mended.status_code) == (500, 200)


def test_it_serves_where_it_is_told(machine: Machine) -> None:
    """In place of what is configured: the address of a container is not that of its host."""
    port = free_port()
    process, url = _serving(machine, "--listen", "127.0.0.2", "--port", str(port))
    try:
        assert url == f"http://127.0.0.2:{port}/metrics"
        assert httpx.get(url, timeout=60).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_port_that_is_taken_is_a_failure(machine: Machine, call: Call) -> None:
    """It is said, with 2, instead of serving nobody."""
    process, _ = _serving(machine)
    try:
        ran = call("metrics", "--serve")
        assert ran.code == 2
        assert "in use" in ran.err
    finally:
        process.terminate()
        process.communicate(timeout=60)
