"""Dumps that go wrong: each is an error, nothing partial stays, the old dump does.

And whatever happens to one volume, the healthy one gets its snapshot.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from alt_backup_assets.dumps.take import store, take_dump
from alt_backup_assets.errors import ServiceVanished
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from tests.end_to_end.docker_fixtures import POSTGRESQL_17, remove
from tests.end_to_end.stack import Server, Stack, assert_nothing_left, start_server
from tests.sites import FILES, database

pytestmark = pytest.mark.end_to_end

VICTIM = "victim_data"
HEALTHY = "oauth_token_data"
VOLUMES = {
    VICTIM: database("victim-db", "owner", "alt"),
    HEALTHY: FILES,
}


def only_archives(script: str) -> str:
    """Return a pg_dump that does this where an archive is wanted, and its work otherwise."""
    return f'case "$*" in *--format=custom*) {script};; *) exec "$0.real" "$@";; esac'


CUT = only_archives('"$0.real" "$@" | head -c 300000')


@dataclass(frozen=True)
class Bench:
    """A site whose volumes all have a good dump.

    Attributes:
        site: The site.
        server: The server that things are done to.
    """

    site: Site
    server: Server

    @property
    def dumps(self) -> list[str]:
        """The victim's dumps, whatever is in its directory."""
        return sorted(path.name for path in (self.site.state / "dumps" / VICTIM).iterdir())

    @property
    def victim(self) -> Volume:
        """The victim's entry."""
        return self.site.registry.volume(VICTIM)

    def with_victim(self, entry: Volume) -> Site:
        """Return the same site with another entry of the victim."""
        others = tuple(v for v in self.site.registry.volumes if v.name != VICTIM)
        registry = self.site.registry.model_copy(update={"volumes": (entry, *others)})
        return replace(self.site, registry=registry)

    def back_up(self, site: Site | None = None) -> dict[str, BackedUp]:
        """Back up all volumes."""
        made = site or self.site
        running = back_up(made, dumps=VOLUMES, snapshots=VOLUMES, day=made.today, notify=str)
        return {done.volume: done for done in running}

    def assert_only_the_victim_fails(self, *sentences: str, site: Site | None = None) -> None:
        """Back up, and fail unless exactly the victim failed, with these words, and cleanly."""
        before = self.dumps
        ended = self.back_up(site)
        error = ended[VICTIM].error or "nothing went wrong"
        assert ended[VICTIM].snapshot is None
        for sentence in sentences:
            assert re.search(sentence, error), error
        assert ended[HEALTHY].error is None
        taken = ended[HEALTHY].snapshot
        assert taken is not None
        assert taken.is_new
        assert self.dumps == before != []
        newest = store(self.site).dumps(VICTIM)[-1]
        assert newest.record.dump_id == before[-1]

    @contextmanager
    def replaced(self, program: str, script: str) -> Iterator[None]:
        """Put a script in the place of one of the server's programs; that is ``$0.real``."""
        path = self.server.run("sh", "-c", f"command -v {program}")
        self.server.run("mv", path, f"{path}.real", user="root")
        self.server.put(path, f"#!/bin/sh\n{script}\n", mode=0o755)
        try:
            yield
        finally:
            self.server.run("mv", f"{path}.real", path, user="root")

    @contextmanager
    def in_mid_dump(self, act: Callable[[], object]) -> Iterator[None]:
        """Do something as soon as the victim's dump grows."""
        found: list[Path] = []

        def watch() -> None:
            deadline = time.monotonic() + 60
            while not found and time.monotonic() < deadline:
                incoming = self.site.state.glob(f"dumps/{VICTIM}/.incoming-*/alt.dump")
                found.extend(path for path in incoming if path.stat().st_size > 0)
                time.sleep(0.002)
            act()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            watcher.join(timeout=90)
        assert found, "the dump never grew"


@pytest.fixture(scope="module", name="bench")
def _bench(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    server = start_server(stack.project, "victim-db", POSTGRESQL_17, "owner", "alt", ballast=5000)
    server.sql("CREATE ROLE dumper SUPERUSER LOGIN PASSWORD 'knows-the-way'")
    hba = server.sql("SHOW hba_file")
    server.run("sed", "-i", "1i local all dumper scram-sha-256", hba)
    server.sql("SELECT pg_reload_conf()")
    bench = Bench(open_site(stack.site(tmp_path_factory.mktemp("site"), volumes=VOLUMES)), server)
    assert {done.error for done in bench.back_up().values()} == {None}
    return bench


@pytest.fixture(autouse=True)
def _nothing_stays(stack: Stack, bench: Bench) -> Iterator[None]:
    yield
    assert_nothing_left(stack.project, bench.site)


@pytest.mark.parametrize(
    ("program", "script", "sentence"),
    [
        ("pg_dump", 'head -c 300000 /dev/zero; echo "on fire" >&2; exit 1', "with 1: on fire"),
        ("pg_dump", only_archives("exit 0"), r"alt\.dump is empty"),
        ("pg_dump", CUT, r"alt\.dump is cut short"),
        ("pg_dump", only_archives("head -c 300000 /dev/zero"), "is not a pg_dump archive"),
        ("pg_dumpall", 'echo "no such role" >&2; exit 1', "with 1: no such role"),
        ("pg_dumpall", "exit 0", r"globals\.sql is empty"),
        ("pg_dumpall", '"$0.real" "$@" | head -c 300', r"globals\.sql is cut short"),
    ],
    ids=["fails", "empty", "cut", "foreign", "roles fail", "roles empty", "roles cut"],
)
def test_a_program_that_goes_wrong(bench: Bench, program: str, script: str, sentence: str) -> None:
    """An error, or an exit code 0 over an output that is no dump: both are said."""
    with bench.replaced(program, script):
        bench.assert_only_the_victim_fails(sentence)


def test_a_database_that_is_not_there(bench: Bench) -> None:
    """The server's own message arrives."""
    site = bench.with_victim(bench.victim.model_copy(update={"databases": ("gone",)}))
    bench.assert_only_the_victim_fails('database "gone" does not exist', site=site)


def test_a_container_that_is_killed_in_mid_dump(bench: Bench) -> None:
    """A stream that ends quietly is no dump; the service that is down then is named."""
    before, container = bench.dumps, bench.server.container
    with (
        bench.in_mid_dump(container.kill),
        bench.site.lock(VICTIM),
        pytest.raises(ServiceVanished, match=r"victim-db .*(stopped|removed|cannot run)"),
    ):
        take_dump(bench.site, bench.victim, day=bench.site.today)
    assert bench.dumps == before
    bench.assert_only_the_victim_fails("service `victim-db` .* does not run .*is exited")
    container.start()
    bench.server.wait()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("*:*:*:dumper:knows-nothing", "password authentication failed"),
        ("*:*:*:nobody:knows-the-way", "no password supplied|password authentication failed"),
        ("*:*:*:dumper:knows-the-way", None),
    ],
    ids=["wrong", "none", "right"],
)
def test_a_server_that_wants_a_password(bench: Bench, content: str, sentence: str | None) -> None:
    """It comes from a file in the service, or the dump fails: nobody is asked for one."""
    server = bench.server
    server.put("/tmp/passfile", f"{content}\n", mode=0o600)  # noqa: S108 -- in the container
    update = {"user": "dumper", "passfile": "/tmp/passfile"}  # noqa: S108
    entry = bench.victim.model_copy(update=update)
    if sentence is None:
        with bench.site.lock(VICTIM):
            taken = take_dump(bench.site, entry, day=bench.site.today)
        assert bench.dumps[-1] == taken.record.dump_id
    else:
        bench.assert_only_the_victim_fails(sentence, site=bench.with_victim(entry))


def test_a_container_that_is_removed_in_mid_dump(stack: Stack, bench: Bench) -> None:
    """The last test of this server: what is gone is named, and its old dumps stay."""
    before = bench.dumps
    with (
        bench.in_mid_dump(lambda: remove(bench.server.container)),
        bench.site.lock(VICTIM),
        pytest.raises(ServiceVanished, match=r"victim-db .*(stopped|removed|cannot run)"),
    ):
        take_dump(bench.site, bench.victim, day=bench.site.today)
    assert bench.dumps == before
    bench.assert_only_the_victim_fails("has no container of a service `victim-db`")
