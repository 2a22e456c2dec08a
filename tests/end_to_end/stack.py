"""Real PostgreSQL servers in real containers, with data, and sites that back them up.

Holds what the end-to-end tests have in common. Keep out: what they expect.
"""

from __future__ import annotations

import io
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from alt_backup_assets.site import Site
from tests.end_to_end.docker_fixtures import (
    POSTGRESQL_15,
    POSTGRESQL_17,
    Project,
    compose_project,
)
from tests.sites import (
    FILES,
    POSTGRESQL_SEED,
    Settings,
    database,
    leftovers,
    make_template,
    make_tokens,
    write_site,
)

_START_SECONDS = 60
_WRITER = """\
\\set a random(1, 2000)
\\set b random(1, 2000)
INSERT INTO moving (note) VALUES (md5(random()::text)), ('b'), ('c');
UPDATE moving SET n = n + 1, note = ' trimmed ' WHERE id = :a;
DELETE FROM moving WHERE id = :b AND id % 3 = 0;
SELECT nextval('invoice_numbers'), nextval('countdown');
"""


VOLUMES: dict[str, Settings] = {
    "db_data_17": database("db", "alt_db_user", "alt", major=17),
    "kratos_db_data": database("kratos-db", "kratos_user", "kratos", major=15),
    "oauth_token_data": FILES,
}


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in a container.

    Attributes:
        container: Where it runs.
        user: Its bootstrap superuser; not called postgres.
        database: The database that is backed up.
    """

    container: Container
    user: str
    database: str

    def run(self, *argv: str, user: str = "") -> str:
        """Run a command in the container and return what it says; it must succeed."""
        done = self.container.exec_run(list(argv), user=user)
        assert isinstance(done.output, bytes)
        said = done.output.decode(errors="replace")
        assert done.exit_code == 0, f"{argv[0]}: {said}"
        return said.strip()

    def sql(self, statement: str) -> str:
        """Run a statement and return the bare values it prints."""
        flags = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
        return self.run("psql", *flags, "-U", self.user, "-d", self.database, "-c", statement)

    def seed(self, ballast: int) -> None:
        """Fill the database; ``ballast`` is the number of rows of 4 kB beside the rest."""
        self.put("/tmp/seed.sql", POSTGRESQL_SEED.read_text())  # noqa: S108 -- in the container
        argv = ("psql", "-X", "-q", "-U", self.user, "-d", self.database)
        self.run(*argv, "-v", f"ballast={ballast}", "-f", "/tmp/seed.sql")  # noqa: S108

    def put(self, path: str, content: str, mode: int = 0o644) -> None:
        """Write a file in the container."""
        archive, data = io.BytesIO(), content.encode()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(data), mode
            tar.addfile(member, io.BytesIO(data))
        assert self.container.put_archive("/", archive.getvalue())

    def wait(self) -> None:
        """Wait until it takes connections, as more than a server that is being initialised."""
        argv = ["pg_isready", "-q", "-h", "127.0.0.1", "-U", self.user, "-d", self.database]
        deadline = time.monotonic() + _START_SECONDS
        while self.container.exec_run(argv).exit_code != 0:
            assert time.monotonic() < deadline, self.container.logs(tail=20).decode()
            time.sleep(0.1)

    @contextmanager
    def writers(self) -> Iterator[None]:
        """Have three clients insert, update and delete, for as long as the context lasts."""
        self.put("/tmp/writer.sql", _WRITER)  # noqa: S108
        flags = ("-n", "-c", "3", "-R", "400", "-T", "120", "-f", "/tmp/writer.sql")  # noqa: S108
        argv = ["pgbench", *flags, "-U", self.user, self.database]
        client = threading.Thread(target=self.container.exec_run, args=(argv,))
        client.start()
        try:
            self._wait_for_writing()
            yield
            self._wait_for_writing()  # they still write
        finally:
            self.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'pgbench'"
            )
            client.join(timeout=30)

    def _wait_for_writing(self) -> None:
        newest = "SELECT coalesce(max(id), 0) FROM moving"
        before, deadline = self.sql(newest), time.monotonic() + 20
        while self.sql(newest) == before:
            assert time.monotonic() < deadline, "nobody writes"
            time.sleep(0.05)


def start_server(
    project: Project, service: str, image: str, user: str, database: str, *, ballast: int
) -> Server:
    """Start a server as a Compose service and fill it."""
    container = project.run(
        service,
        image=image,
        command=("postgres", "-c", "fsync=off"),
        environment={"POSTGRES_USER": user, "POSTGRES_DB": database},
    )
    server = Server(container, user, database)
    server.wait()
    server.seed(ballast)
    return server


@dataclass(frozen=True)
class Stack:
    """Two servers and a volume of files, for as long as the tests run.

    Attributes:
        project: The Compose project.
        db: PostgreSQL 17, service ``db``.
        kratos: PostgreSQL 15, service ``kratos-db``.
        volumes_root: Where the volume of files is.
        restic: The program.
        template: An empty repository for sites to begin with.
    """

    project: Project
    db: Server
    kratos: Server
    volumes_root: Path
    restic: Path
    template: Path

    def site(
        self,
        directory: Path,
        *,
        volumes: Mapping[str, Settings] | None = None,
        offsite: Settings | None = None,
    ) -> Path:
        """Write the files of a fresh site; without ``volumes`` it has all three."""
        platform = {
            "kind": "docker",
            "name": f"{self.project.name}-{secrets.token_hex(3)}",
            "project": self.project.name,
            "volumes_root": str(self.volumes_root),
            "throwaway_memory_mb": 1024,
        }
        return write_site(
            directory,
            platform=platform,
            volumes=volumes or VOLUMES,
            restic=self.restic,
            offsite=offsite,
            template=self.template,
        )


@contextmanager
def running_stack(root: Path, restic: Path) -> Iterator[Stack]:
    """Start the servers and fill them; all of it is removed at the end."""
    make_tokens(root / "volumes" / "oauth_token_data")
    template = make_template(root / "template", restic)
    with compose_project() as project:
        yield Stack(
            project=project,
            db=start_server(project, "db", POSTGRESQL_17, "alt_db_user", "alt", ballast=2500),
            kratos=start_server(
                project, "kratos-db", POSTGRESQL_15, "kratos_user", "kratos", ballast=100
            ),
            volumes_root=root / "volumes",
            restic=restic,
            template=template,
        )


def thrown(project: Project, site: Site) -> list[Container]:
    """Return the throw-away containers of a site that are on the engine."""
    mine = f"io.alt-backup.platform={site.name}"
    every = project.client.containers
    return list(every.list(all=True, filters={"label": mine}, ignore_removed=True))


def assert_nothing_left(project: Project, site: Site) -> None:
    """Fail if a container or a directory of a dump, snapshot or drill is still there."""
    assert thrown(project, site) == []
    assert leftovers(site) == []
