"""The machine a benchmark runs on, and the versions of what runs on it."""

from __future__ import annotations

import os
import platform as host
from importlib import metadata
from pathlib import Path

import docker

from alt_backup_assets.tools.process import run
from benchmarks.platform import Platform
from benchmarks.result import Machine

_QUIET_LOAD = 0.3
"""Load average per core above which a run is not called quiet."""


def machine() -> Machine:
    """Look at this machine, before anything is started on it."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in processors if line.startswith("model name")]
    return Machine(
        processor=names[0] if names else host.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{host.system()} {host.release()}",
        load_before=round(os.getloadavg()[0], 2),
    )


def unquiet(found: Machine) -> str | None:
    """Say why a run on it is not a quiet one; None where it is."""
    if found.load_before <= _QUIET_LOAD * found.cores:
        return None
    return (
        f"NOT A QUIET RUN: the load average was {found.load_before} on {found.cores} cores before"
        " anything was started; only the ratios mean something, and they less"
    )


def program_versions(restic: Path) -> dict[str, str]:
    """Return the versions of the product and of what it runs with, by name."""
    said = run([str(restic), "version"], timeout_seconds=30).stdout.decode()
    return {
        "alt_backup_assets": metadata.version("alt_backup_assets"),
        "dagster": metadata.version("dagster"),
        "python": host.python_version(),
        "restic": said.split()[1],
    }


def versions(platform: Platform, restic: Path) -> dict[str, str]:
    """Return the version of everything that is compared, by its name."""
    engine = docker.from_env()
    try:
        of_engine = str(engine.version()["Version"])
    finally:
        engine.close()
    servers = {
        f"postgresql ({each.name})": platform.tell(each, "SHOW server_version").split()[0]
        for each in platform.size.databases
    }
    return {**program_versions(restic), "docker": of_engine, **servers}
