"""Two hosts under one Dagster, each with its own code server, volumes and repository; one dies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from alt_backup_assets.snapshots.tags import volume_of
from tests.dagster_home import Home, make_home, materialised
from tests.dagster_servers import (
    Ui,
    code_server,
    kill,
    serving,
    web_server,
    workspace,
)
from tests.end_to_end.deployment.bench import eventually
from tests.fakes.receiver import Receiver, receiving
from tests.ports import free_port
from tests.sites import FILES, alt_backup, make_template, make_tokens, write_site

pytestmark = pytest.mark.end_to_end

VOLUME = "oauth_token_data"
AMBER, BIRCH = "amber", "birch"
NEVER = "0 0 29 2 *"
HEARD = dg.AssetCheckKey(dg.AssetKey([AMBER, "status", "metrics"]), "neighbours_are_heard")


@dataclass
class Hosts:
    """Two hosts, and what is central.

    Attributes:
        homes: Each host's configuration; ``DAGSTER_HOME`` is the same for both.
        ports: Where each one's code server listens.
        receiver: Takes messages and pings, by paths that begin with the host.
        servers: The code servers that run.
    """

    homes: dict[str, Home]
    ports: dict[str, int]
    receiver: Receiver
    running: ExitStack
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, host: str) -> None:
        """Start a host's code server."""
        home = self.homes[host]
        argv = code_server(self.ports[host])
        server = serving(home.directory, host, home.environment, *argv)
        self.servers[host] = self.running.enter_context(server)

    def snapshots(self, host: str) -> int:
        """Return how many snapshots of its volume a host's repository has."""
        site = self.homes[host].site
        return sum(volume_of(found) == VOLUME for found in site.local.snapshots(host=host))

    def told(self, host: str) -> list[str]:
        """Return the titles of the messages a host sent."""
        return [json.loads(c.body)["title"] for c in self.receiver.calls if c.path == f"/{host}"]

    def pinged(self, host: str) -> int:
        """Return how often a host's daily job pinged its success."""
        return self.receiver.paths.count(f"/{host}-daily")

    def log(self) -> str:
        """Return the end of everything the servers said."""
        logs = sorted(next(iter(self.homes.values())).directory.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)


def _home(root: Path, host: str, template: Path, restic: Path, receiver: Receiver) -> Home:
    """Make a host: a platform with one volume, its repository, and where its signals go."""
    make_tokens(root / host / "tokens")
    platform = {"kind": "local", "name": host, "volumes": {VOLUME: str(root / host / "tokens")}}
    config = write_site(
        root / host / "site",
        platform=platform,
        volumes={VOLUME: FILES},
        restic=restic,
        template=template,
    )
    made = make_home(root / host / "home", config)
    messages, daily = root / host / "messages", root / host / "daily"
    messages.write_text(receiver.url.replace("http://", "json://") + f"/{host}")
    daily.write_text(f"{receiver.url}/{host}-daily")

    def own(content: dict[str, Any]) -> None:
        content["host"] = host
        content["repositories"]["local"]["url"] = str(root / host / "site" / "repository")
        content["schedules"] = {"metrics": NEVER}
        other = BIRCH if host == AMBER else AMBER
        content["signals"] = {
            "messages": str(messages),
            "pings": {"daily": str(daily)},
            "neighbours": {"hosts": [other], "silent_seconds": 60},
        }

    made.change(own)
    return Home(made.config, root / "dagster")


@pytest.fixture(name="hosts")
def _hosts(tmp_path: Path, restic_binary: Path) -> Iterator[Hosts]:
    template = make_template(tmp_path / "template", restic_binary)
    (tmp_path / "dagster").mkdir()
    with receiving() as receiver, ExitStack() as running:
        homes = {
            host: _home(tmp_path, host, template, restic_binary, receiver)
            for host in (AMBER, BIRCH)
        }
        settings = (tmp_path / AMBER / "home" / "dagster" / "dagster.yaml").read_text()
        (tmp_path / "dagster" / "dagster.yaml").write_text(settings)
        ports = {host: free_port() for host in homes}
        hosts = Hosts(homes, ports, receiver, running)
        with homes[AMBER].instance():
            pass  # SQLite's schema, before four processes would make it at once
        for host in homes:
            hosts.start(host)
        yield hosts


@contextmanager
def _central(hosts: Hosts) -> Iterator[Ui]:
    """Run the one daemon and the one UI over both; they know no configuration of ours."""
    home = hosts.homes[AMBER]
    environment = {k: v for k, v in home.environment.items() if k != "ALT_BACKUP_CONFIG"}
    where = ("-w", str(workspace(home.directory / "workspace.yaml", hosts.ports)))
    with (
        serving(home.directory, "daemon", environment, "dagster._daemon", "run", *where),
        web_server(home.directory, environment, *where) as ui,
    ):
        yield ui


def _back_up(hosts: Hosts, instance: dg.DagsterInstance, ui: Ui, *names: str) -> None:
    """Have the daily backups of some hosts run, and succeed."""
    launched = {h: ui.launch(h, "daily_backup", hosts.homes[h].today) for h in names}
    for host, run_id in launched.items():
        run = eventually(partial(_ended, instance, run_id), f"{host}'s backup ends\n{hosts.log()}")
        assert run.status == dg.DagsterRunStatus.SUCCESS, hosts.log()
        made = {f"{host}/{stage}/{VOLUME}" for stage in ("dump", "snapshot")}
        assert made <= materialised(instance, run_id)


def _ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    run = instance.get_run_by_id(run_id)
    return run if run and run.is_finished else None


def _judged(instance: dg.DagsterInstance, *, passed: bool) -> dg.AssetCheckEvaluation | None:
    """Return how the check of amber's neighbours ended last, if it ended like that."""
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([HEARD]).get(HEARD)
    event = found.event.dagster_event if found and found.event else None
    judged = event.asset_check_evaluation_data if event else None
    return judged if judged and judged.passed == passed else None


def test_one_host_dies_and_the_other_goes_on(hosts: Hosts) -> None:
    """Backups run where the data is; of the dead host its neighbour tells, and the UI shows it."""
    with hosts.homes[AMBER].instance() as instance, _central(hosts) as ui:
        both = {AMBER: True, BIRCH: True}
        eventually(lambda: ui.locations() == both, "both hosts are there")
        _back_up(hosts, instance, ui, *both)
        assert (hosts.snapshots(AMBER), hosts.snapshots(BIRCH)) == (1, 1)
        eventually(lambda: _judged(instance, passed=True), "amber has heard of birch")
        eventually(lambda: hosts.pinged(BIRCH) == 1, "birch pings its success")

        kill(hosts.servers[BIRCH])
        eventually(lambda: ui.locations() == {**both, BIRCH: False}, "the UI shows birch as gone")
        _back_up(hosts, instance, ui, AMBER)
        assert (hosts.snapshots(AMBER), hosts.snapshots(BIRCH)) == (2, 1)
        red = eventually(lambda: _judged(instance, passed=False), "amber misses birch")
        assert (red.description or "").startswith("birch was last heard of at ")
        about = f"the check {HEARD.name} of amber/status/metrics"
        eventually(lambda: hosts.told(AMBER) == [f"[amber] CRITICAL: {about}"], "amber tells it")
        eventually(lambda: hosts.pinged(AMBER) == 2, "amber's pings go on")
        assert hosts.pinged(BIRCH) == 1
        assert alt_backup(hosts.homes[AMBER].config, "drill").returncode == 0
        assert alt_backup(hosts.homes[AMBER].config, "status").returncode == 0
        assert alt_backup(hosts.homes[BIRCH].config, "backup").returncode == 0
        assert hosts.snapshots(BIRCH) == 2

        hosts.start(BIRCH)
        eventually(lambda: _judged(instance, passed=True), "birch is heard of again")
        assert ui.locations() == both
