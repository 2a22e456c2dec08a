"""The real Prometheus: the series arrive, and the alerts fire for what is old and what is gone.

With the shipped scrape job and the shipped rules, both at a test's pace. One exporter and one
Prometheus serve all tests here; the last one ends the exporter.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from alt_backup_assets.signals.render import prometheus_rules, scrape_config
from alt_backup_assets.signals.rule import Expected
from alt_backup_assets.signals.rules import rules
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.tools.restic import Snapshot
from tests.ports import free_port
from tests.programs import program
from tests.sites import FILES, make_template, started, write_site

pytestmark = pytest.mark.integration

PACE = timedelta(seconds=2)
PATIENCE_SECONDS = 120
AGES = {"fresh": 1, "late": 26, "lost": 51}
"""Hours that the newest data of each volume is old."""

Alert = tuple[str, str]


@dataclass(frozen=True)
class Watched:
    """An exporter with a Prometheus that reads it."""

    url: str
    exporter: subprocess.Popen[str]

    def ask(self, expression: str) -> dict[str, float]:
        """Return the value of each series of an expression, by its volume or type."""
        answer = self._get("query", query=expression)["result"]
        assert isinstance(answer, list)
        return {
            sample["metric"].get("volume", sample["metric"].get("type", "")): float(
                sample["value"][1]
            )
            for sample in answer
        }

    def firing(self) -> set[Alert]:
        """Return the rules that fire, each with the volume it names."""
        alerts = self._get("alerts")["alerts"]
        assert isinstance(alerts, list)
        return {
            (alert["labels"]["alertname"], alert["labels"].get("volume", ""))
            for alert in alerts
            if alert["state"] == "firing"
        }

    def _get(self, what: str, **parameters: str) -> dict[str, object]:
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=parameters, timeout=30)
        data = answer.raise_for_status().json()["data"]
        assert isinstance(data, dict)
        return data


def wait_for(condition: Callable[[], bool], saw: Callable[[], object]) -> None:
    """Wait until something is so; a failure says what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"after {PATIENCE_SECONDS} s there was: {saw()}"
        time.sleep(0.5)


def _take(site: Site, volume: str, directory: Path, *, hours: float) -> Snapshot:
    """Put a snapshot of old data into the repository, as a run of that time would have."""
    taken_at = datetime.now(UTC) - timedelta(hours=hours)
    tags = ["scheduled", f"{taken_at:%Y%m%d}", volume, f"dump:{volume}:of-a-test"]
    return site.local.backup(directory, host=site.name, tags=tags, taken_at=taken_at)


def _aged_site(room: Path, restic: Path, port: int) -> Path:
    """Make a site whose volumes' newest snapshots are of different ages."""
    volumes = {name: room / name for name in AGES}
    for directory in volumes.values():
        directory.mkdir()
        (directory / "file").write_text("data\n")
    config = write_site(
        room / "site",
        platform={
            "kind": "local",
            "name": "aged",
            "volumes": {name: str(directory) for name, directory in volumes.items()},
        },
        volumes=dict.fromkeys(AGES, FILES),
        restic=restic,
        template=make_template(room / "template", restic),
    )
    values = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**values, "signals": {"metrics": {"port": port}}}))
    site = open_site(config)
    for name, hours in AGES.items():
        _take(site, name, volumes[name], hours=hours)
    return config


def _configure(room: Path, target: str) -> Path:
    """Write the shipped files with short times, and a configuration that names them."""
    unheld = [replace(rule, hold=timedelta(0)) for rule in rules(Expected(offsite=False))]
    (room / "rules.yml").write_text(prometheus_rules(unheld, interval=PACE))
    scraped = yaml.safe_load(scrape_config(target, platform="aged", interval=PACE))
    path = room / "prometheus.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], **scraped}))
    return path


@contextmanager
def _prometheus(config: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    argv = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={config.parent}/tsdb",
        f"--web.listen-address={address}",
    ]
    with (config.parent / "prometheus.log").open("w") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(name="watched", scope="module")
def _watched(tmp_path_factory: pytest.TempPathFactory, restic_binary: Path) -> Iterator[Watched]:
    room, port = tmp_path_factory.mktemp("watched"), free_port()
    config = _aged_site(room, restic_binary, port)
    with (
        started(config, "metrics", "--serve", "--max-age", "3600") as exporter,
        _prometheus(_configure(room, f"127.0.0.1:{port}")) as url,
    ):
        try:
            watched = Watched(url, exporter)
            wait_for(lambda: _answers(url), (room / "prometheus.log").read_text)
            yield watched
        finally:
            exporter.kill()
            exporter.communicate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_the_series_arrive(watched: Watched) -> None:
    """What the exporter says of each volume is in Prometheus, and of this moment."""
    age = "time() - backup_volume_recovery_point_timestamp"
    wait_for(lambda: set(watched.ask(age)) == set(AGES), lambda: watched.ask("up"))
    hours = {volume: int(seconds / 3600) for volume, seconds in watched.ask(age).items()}
    assert hours == AGES
    assert set(watched.ask("backup_last_success_timestamp")) == {"full", "restic"}
    assert watched.ask("backup_repository_initialized") == {"": 1}
    assert watched.ask("backup_restic_snapshot_count") == {"": 3}


def test_old_data_fires_for_its_volume_alone(watched: Watched) -> None:
    """Data of 26 h is a warning, data of 51 h is critical too, and fresh data is neither."""
    expected = {
        ("backup-recovery-point-warn", "late"),
        ("backup-recovery-point-warn", "lost"),
        ("backup-recovery-point-fail", "lost"),
    }

    def points() -> set[Alert]:
        return {alert for alert in watched.firing() if "recovery-point" in alert[0]}

    wait_for(lambda: points() >= expected, watched.firing)
    assert points() == expected
    assert ("backup-signal-missing", "") not in watched.firing()


def test_an_exporter_that_is_gone_fires(watched: Watched) -> None:
    """It ends well when told to, and then its absence is the alert."""
    watched.exporter.send_signal(signal.SIGTERM)
    assert watched.exporter.wait(timeout=60) == 0
    wait_for(lambda: ("backup-signal-missing", "") in watched.firing(), watched.firing)
    assert watched.ask("backup_metrics_generated_timestamp") == {}
