"""What is timed inside a process of its own: ``python -m benchmarks.scale.probes NAME CONFIG``.

A probe does one thing an operator, or Dagster's daemon, waits for, and prints how long that took
without the start of the process. Keep out: what has a command of its own, such as ``status``.
"""

from __future__ import annotations

import logging
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg

from alt_backup_assets.definitions.build import build_defs
from alt_backup_assets.site import Site, open_site
from tests.fakes.restic import FakeRestic

ROOT = Path(__file__).parents[2]


def load(config: Path) -> float:
    """Draw the whole code location, every job included, as a code server does."""
    started = time.perf_counter()
    repository = build_defs(open_site(config)).get_repository_def()
    for name in repository.job_names:
        repository.get_job(name)
    return time.perf_counter() - started


def sensor(config: Path) -> float:
    """Evaluate the sensor that looks for new snapshots, once."""
    defs = build_defs(open_site(config))
    drawn = defs.resolve_sensor_def("drill_new_snapshots")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, repository_def=defs.get_repository_def()
        )
        started = time.perf_counter()
        drawn.evaluate_tick(context)
        return time.perf_counter() - started


def job(config: Path) -> float:
    """Run the daily job with repositories that cost nothing: what is left is our own time."""
    site = _without_tools(open_site(config))
    daily = build_defs(site).resolve_job_def("daily_backup")
    home = config.parent / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        started = time.perf_counter()
        done = daily.execute_in_process(instance=instance, partition_key=site.today.isoformat())
        took = time.perf_counter() - started
    assert done.success, "a run that failed is no measurement"
    return took


def _without_tools(site: Site) -> Site:
    return replace(site, local=FakeRestic("/fake/local"), offsite=FakeRestic("/fake/offsite"))


PROBES: Mapping[str, Callable[[Path], float]] = {"load": load, "sensor": sensor, "job": job}


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")
    sys.stdout.write(f"{PROBES[sys.argv[1]](Path(sys.argv[2])):.3f}\n")
