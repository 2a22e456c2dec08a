"""A real OpenSSH server, on a loopback port unless told otherwise, for one test run.

It has a host key and one authorised key of its own, takes no passwords and serves nothing but
SFTP. It runs as whoever runs the tests, and is stopped by leaving the context.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.config import Sftp
from tests.ports import free_port

_SSHD = Path("/usr/sbin/sshd")  # it insists on being started by its absolute path
_START_SECONDS = 30
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class SftpServer:
    """A running server and everything a client needs.

    Attributes:
        port: TCP port.
        directory: Where its files are; also room for other keys.
        identity_file: The private key it accepts.
        known_hosts_file: Holds its host key.
        host: Address of this machine it listens on.
    """

    port: int
    directory: Path
    identity_file: Path
    known_hosts_file: Path
    host: str = _LOOPBACK

    @property
    def sftp(self) -> Sftp:
        """The client settings that work."""
        return Sftp(
            port=self.port,
            identity_file=self.identity_file,
            known_hosts_file=self.known_hosts_file,
            connect_timeout_seconds=30,
        )

    def url(self, path: Path) -> str:
        """Return restic's URL of a directory there."""
        return f"sftp:{getpass.getuser()}@{self.host}:{path}"


def make_key(path: Path) -> Path:
    """Make a key pair without a passphrase and return the private half."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)
    return path


def known_host(port: int, private_key: Path, host: str = _LOOPBACK) -> str:
    """Return the line of a known hosts file for a host key on a port."""
    return f"[{host}]:{port} {private_key.with_suffix('.pub').read_text()}"


@contextmanager
def sftp_server(
    directory: Path, *, host: str = _LOOPBACK, port: int | None = None
) -> Iterator[SftpServer]:
    """Run a server with keys of its own in a directory.

    Args:
        directory: Where its files are; with the keys that are there it is the same host again.
        host: Address of this machine it listens on.
        port: Its port; None for a free one.
    """
    port = port or free_port()
    host_key, identity = (_key(directory / name) for name in ("host_key", "identity"))
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(known_host(port, host_key, host))
    config = directory / "sshd_config"
    config.write_text(_config(host, port, host_key, identity))
    if os.getuid() == 0:
        # Root's sshd insists on it, and nothing makes it where no init system runs.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = directory / "sshd.log"
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [_SSHD, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=stderr
        )
        try:
            await_port(server, port, log, host)
            yield SftpServer(port, directory, identity, known_hosts, host)
        finally:
            server.terminate()
            server.wait(timeout=10)


def _key(path: Path) -> Path:
    return path if path.exists() else make_key(path)


def _config(host: str, port: int, host_key: Path, identity: Path) -> str:
    return f"""
ListenAddress {host}
Port {port}
HostKey "{host_key}"
AuthorizedKeysFile "{identity.with_suffix(".pub")}"
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
# The temporary directory above may be writable by others.
StrictModes no
AllowTcpForwarding no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


def await_port(
    server: subprocess.Popen[bytes], port: int, log: Path, host: str = _LOOPBACK
) -> None:
    """Wait until a server that was just started listens."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as client:
            if client.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} did not start: {log.read_text()}")
