"""Dagster as an operator has it: a configuration, a ``DAGSTER_HOME``, programs of their own.

Holds running ``dagster`` and reading what its instance recorded. Keep out: what a test expects.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from alt_backup_assets.site import Site, open_site

ROOT = Path(__file__).parents[1]
MODULE = "alt_backup_assets.definitions"

Change = Callable[[dict[str, Any]], object]
"""Changes the content of a configuration file."""


def zone_of_noon() -> str:
    """Return a time zone in which it is noon, so that no test runs over midnight."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


@dataclass(frozen=True)
class Home:
    """A site and the Dagster instance beside it.

    Attributes:
        config: The configuration file.
        directory: ``DAGSTER_HOME``.
    """

    config: Path
    directory: Path

    @property
    def site(self) -> Site:
        """The site, as it is configured now."""
        return open_site(self.config)

    @property
    def today(self) -> str:
        """Today's partition."""
        return self.site.today.isoformat()

    @property
    def environment(self) -> Mapping[str, str]:
        """What every program gets."""
        own = {"DAGSTER_HOME": str(self.directory), "ALT_BACKUP_CONFIG": str(self.config)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, **own, "PATH": path, "PYTHONPATH": str(ROOT)}

    def change(self, change: Change) -> None:
        """Change the configuration."""
        content = yaml.safe_load(self.config.read_text())
        change(content)
        self.config.write_text(yaml.safe_dump(content))

    def materialise(self, select: str, day: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``dagster asset materialize`` to its end; its output is in ``stdout``."""
        arguments = ("--select", select, "--partition", day or self.today)
        return self._run("dagster", "asset", "materialize", "-m", MODULE, *arguments)

    def rerun(self) -> subprocess.CompletedProcess[str]:
        """Run what failed in the newest run again, from where it failed."""
        with self.instance() as instance:
            return self._run("tests.rerun", instance.get_runs(limit=1)[0].run_id)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Open the instance."""
        with dg.DagsterInstance.from_config(str(self.directory)) as instance:
            yield instance

    def newest_run(self) -> tuple[dg.DagsterRunStatus, set[str]]:
        """Return how the newest run ended, and what it materialised, as ``stage/volume``."""
        with self.instance() as instance:
            run = instance.get_runs(limit=1)[0]
            return run.status, materialised(instance, run.run_id)


def materialised(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """Return what a run materialised, as ``stage/volume``."""
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {
        event.asset_materialization.asset_key.to_user_string()
        for event in logs
        if event.asset_materialization
    }


def make_home(directory: Path, config: Path) -> Home:
    """Make a site of its own on the platform of a configuration, with a Dagster instance.

    Args:
        directory: Where it keeps everything; the configuration is copied there.
        config: Names the platform and the password files.
    """
    home = Home(directory / "alt-backup.yaml", directory / "dagster")
    home.directory.mkdir(parents=True)
    shutil.copy(ROOT / "dagster.yaml", home.directory)
    shutil.copy(config, home.config)

    def own(content: dict[str, Any]) -> None:
        if "/" in content["registry"]:
            content["registry"] = str(config.parent / content["registry"])
        content["timezone"] = zone_of_noon()
        content["directories"] = {"state": str(directory / "state")}
        for name, repository in content["repositories"].items():
            repository["url"] = str(directory / "repositories" / name)

    home.change(own)
    return home
