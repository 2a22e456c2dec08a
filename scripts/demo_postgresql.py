"""The PostgreSQL servers of the demo platform: made, started, filled and stopped.

The programs come from wheels and run directly. Every step can be repeated, and may have been
killed half-way: what is made is made aside and renamed, and a pid file is believed only if its
process really runs on our data. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
SERVERS = DEMO / "servers"
SEED = ROOT / "scripts" / "demo_seed"
# Named by the path of the checkout, so that two checkouts do not meet.
SOCKETS = Path("/tmp") / f"alt-backup-demo-{hashlib.sha256(bytes(ROOT)).hexdigest()[:10]}"  # noqa: S108
PORT = "5432"
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30


class DemoError(Exception):
    """The demo platform can't be made or started; the message says what to do."""


@dataclass(frozen=True)
class Server:
    """One PostgreSQL service of the demo."""

    service: str
    package: str
    database: str
    user: str

    @property
    def programs(self) -> Path:
        """The directory of the wheel's PostgreSQL programs."""
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            raise DemoError(f"{self.package} is not installed: run 'make venv' (or 'make demo').")
        return Path(found.origin).parent / "pginstall" / "bin"

    @property
    def data(self) -> Path:
        """PGDATA."""
        return SERVERS / self.service

    @property
    def log(self) -> Path:
        """What the server says."""
        return SERVERS / f"{self.service}.log"

    @property
    def socket_directory(self) -> Path:
        """What a client gives as PGHOST."""
        return SOCKETS / self.service


def run(argv: list[str], **environment: str) -> str:
    """Run a program to its end; a failure carries the last lines it said."""
    done = subprocess.run(
        argv,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise DemoError(f"{Path(argv[0]).name} failed (exit code {done.returncode}):\n{said}")
    return done.stdout


def succeeds(argv: list[str]) -> bool:
    """Try a program; only whether it works is of interest."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def unprivileged() -> list[str]:
    """Return what to put before a PostgreSQL program, which refuses to run as root.

    A user namespace in which our own account goes by another number keeps all files ours, and
    works below /root as well. The number is that of `daemon`, since initdb looks up its name.
    Where namespaces are switched off (in most containers), the account `nobody` runs the server,
    and owns its files.
    """
    if os.geteuid() != 0:
        return []
    other = pwd.getpwnam("daemon")
    namespace = ["unshare", "--user", f"--map-user={other.pw_uid}", f"--map-group={other.pw_gid}"]
    if succeeds([*namespace, "true"]):
        return namespace
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]


def own_directories(server: Server, prefix: list[str]) -> None:
    """Make the server's directories, owned by the account that will write there."""
    for directory in (SERVERS, SOCKETS, server.socket_directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.is_symlink() or directory.stat().st_uid not in {os.geteuid(), nobody()}:
            raise DemoError(f"{directory} belongs to somebody else: remove it and try again.")
        if prefix[:1] == ["setpriv"]:
            os.chown(directory, nobody(), -1)


def nobody() -> int:
    """Return the number of the account that runs servers where there are no namespaces."""
    return pwd.getpwnam("nobody").pw_uid


def check_reachable(server: Server, prefix: list[str]) -> None:
    """Say it clearly when the checkout is out of reach for the unprivileged account."""
    if not succeeds([*prefix, str(server.programs / "postgres"), "--version"]):
        raise DemoError(
            f"{server.programs}/postgres does not run{' as nobody' if prefix else ''}. As root in "
            "a container, clone to a directory that every account may enter (/srv, not /root)."
        )


def initialise(server: Server, prefix: list[str]) -> None:
    """Make the cluster, aside; nothing with this name is ever half-made."""
    if server.data.exists():
        return
    aside = SERVERS / f"{server.service}.new"
    shutil.rmtree(aside, ignore_errors=True)
    run(
        [
            *prefix,
            str(server.programs / "initdb"),
            f"--pgdata={aside}",
            f"--username={server.user}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
    )
    aside.rename(server.data)


def find_postmaster(server: Server) -> int | None:
    """Find our server's process: a number from a pid file counts only if it runs on our data.

    The socket's lock file knows the number even when `.demo/` was removed under the server.
    """
    for recorded in (
        server.data / "postmaster.pid",
        server.socket_directory / f".s.PGSQL.{PORT}.lock",
    ):
        try:
            pid = int(recorded.read_text(encoding="ascii").split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue
        if bytes(server.data) in command:
            return pid
    return None


def is_ready(server: Server) -> bool:
    """Tell whether the server takes connections."""
    return succeeds(
        [
            str(server.programs / "pg_isready"),
            *("--quiet", "--host", str(server.socket_directory), "--port", PORT),
            *("--username", server.user, "--dbname", "postgres"),
        ]
    )


def launch(server: Server, prefix: list[str]) -> subprocess.Popen[bytes]:
    """Launch a server whose process is known to be gone, whatever it left behind."""
    # A left number may be another process's by now, which makes PostgreSQL refuse to start.
    (server.data / "postmaster.pid").unlink(missing_ok=True)
    for left in server.socket_directory.glob(".s.PGSQL.*"):
        left.unlink()
    with server.log.open("ab") as log:
        return subprocess.Popen(
            [
                *prefix,
                str(server.programs / "postgres"),
                *("-D", str(server.data)),
                *("-c", "listen_addresses="),
                *("-c", f"port={PORT}"),
                *("-c", f"unix_socket_directories={server.socket_directory}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            # A session of its own: the servers outlive the terminal and its Ctrl-C.
            start_new_session=True,
        )


def start_server(server: Server) -> None:
    """Make, start and fill a server, as far as that is still to be done."""
    prefix = unprivileged()
    own_directories(server, prefix)
    check_reachable(server, prefix)
    initialise(server, prefix)
    ensure_it_runs(server, prefix)
    seed(server)


def ensure_it_runs(server: Server, prefix: list[str]) -> None:
    """Start a server that does not run, and wait until it takes connections."""
    launched = launch(server, prefix) if find_postmaster(server) is None else None

    def decided() -> bool:
        # One that gives up at once is not waited for.
        return is_ready(server) or (launched is not None and launched.poll() is not None)

    if not wait_for(decided, START_TIMEOUT_SECONDS) or not is_ready(server):
        said = "\n".join(server.log.read_text(errors="replace").splitlines()[-15:])
        raise DemoError(f"{server.service} does not take connections (log: {server.log}):\n{said}")


def wait_for(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Poll a condition until it holds or the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def seed(server: Server) -> None:
    """Fill the database, once: role and tables come in one transaction, so all or nothing."""

    def psql(database: str, *arguments: str, **environment: str) -> str:
        return run(
            [
                str(server.programs / "psql"),
                *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
                *("--host", str(server.socket_directory), "--port", PORT),
                *("--username", server.user, "--dbname", database, *arguments),
            ],
            **environment,
        )

    # Looked up literally: the names above need no quoting.
    exists = f"SELECT 1 FROM pg_database WHERE datname = '{server.database}'"
    if not psql("postgres", "--command", exists).strip():
        psql("postgres", "--command", f"CREATE DATABASE {server.database}")
    filled = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1"
    if not psql(server.database, "--command", filled).strip():
        script = SEED / f"{server.service}.sql"
        psql(
            server.database,
            *("--single-transaction", "--file", str(script)),
            DEMO_ROLE_PASSWORD=secrets.token_urlsafe(18),
        )


def stop_server(server: Server) -> None:
    """Stop a server: a fast shutdown, and an immediate one if that takes too long."""
    for way in (signal.SIGINT, signal.SIGQUIT):
        pid = find_postmaster(server)
        if pid is None:
            return
        os.kill(pid, way)
        if wait_for(lambda: find_postmaster(server) is None, STOP_TIMEOUT_SECONDS):
            return
    raise DemoError(f"{server.service} (pid {find_postmaster(server)}) does not stop.")
