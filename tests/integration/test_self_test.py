"""The verifier's own drill on real services, and what it says once the verifier is broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import back_up
from alt_backup_assets.verification.self_test.run import FAULTS, self_test
from tests.integration.test_redis import PASSWORD, running, seed
from tests.local_postgresql import local_server
from tests.mutated import Copy, copy_checkout
from tests.sites import FILES, database, leftovers, make_template, make_tokens, write_site

pytestmark = pytest.mark.integration

COMPARE = (
    "dumps/record.py",
    "return Comparison(differences, compared)",
    "return Comparison((), compared)",
)
CONTENT = {"row_dropped", "table_removed", "stream_shortened", "file_zeroed"}
MUTATIONS = {
    "contents are not compared": COMPARE,
    "hashes are not compared": (
        "dumps/record.py",
        "return tuple(sentence for sentence in found if sentence)",
        "return ()",
    ),
    "a dump may be another's": ("verification/drill.py", "if expected != found", "if False"),
    "the chain may be cut": ("verification/ledger.py", "if entry.previous != previous:", "if 0:"),
    "red counts for anything": (
        "verification/self_test/run.py",
        "re.search(says, line)",
        "line",
    ),
    "the control may be red": (
        "verification/self_test/result.py",
        "planted == proven == {True}",
        "planted == {True}",
    ),
}
TESTS = (
    "tests/unit/verification/test_drill.py",
    "tests/unit/verification/test_ledger.py",
    "tests/unit/verification/test_self_test_result.py",
    "tests/unit/cli/test_self_test.py",
)


@pytest.fixture(scope="module", name="config")
def _config(restic_binary: Path) -> Iterator[Path]:
    """Give a machine with a snapshot of PostgreSQL, of Redis and of files."""
    # Short: a socket's path has 107 characters at most.
    with TemporaryDirectory(prefix="ab-") as directory:
        room = Path(directory)
        make_tokens(room / "tokens")
        make_template(room / "template", restic_binary)
        (room / "server").mkdir()
        password = room / "redis-password"
        password.touch(mode=0o600)
        password.write_text(f"{PASSWORD}\n")
        with (
            local_server(
                room / "server", user="recap_user", database="recap", ballast=50
            ) as server,
            running(room, room / "redis", appendonly=False) as redis,
        ):
            seed(redis)
            entry = {"service": "redis-streams", "engine": "redis", "category": "data"}
            config = write_site(
                room / "site",
                platform={
                    "kind": "local",
                    "name": "this-machine",
                    "services": {
                        "recap-db": server.service,
                        "redis-streams": {"bin": [str(redis.bin)]},
                    },
                    "volumes": {"streams": str(room / "redis"), "tokens": str(room / "tokens")},
                },
                volumes={
                    "recap": database("recap-db", "recap_user", "recap", major=18),
                    "streams": {**entry, "password_file": str(password)},
                    "tokens": FILES,
                },
                restic=restic_binary,
                scratch=room / "scratch",
                template=room / "template",
            )
            site = open_site(config)
            names = ("recap", "streams", "tokens")
            done = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
            assert {ended.error for ended in done} == {None}
            yield config


@pytest.fixture(scope="module", name="site")
def _site(config: Path) -> Site:
    return open_site(config)


def test_every_fault_is_detected_and_nothing_stays(site: Site) -> None:
    """On real programs: each fault in the drill's own words, each control proven."""
    before = site.local.snapshots()
    result = self_test(site, notify=str)
    assert result.reasons == ()
    # ClickHouse's is planted in tests/integration/test_clickhouse.py, beside its server.
    expected = dict.fromkeys(FAULTS, True) | {"part_dropped": None}
    assert {fault.fault: fault.detected for fault in result.faults} == expected
    assert {control.engine for control in result.controls} == {"postgresql", "redis", "files"}
    said = {fault.fault: fault.message for fault in result.faults}
    assert said["row_dropped"] == 'recap: "public"."moving" has 1999 rows, 2000 were recorded'
    assert said["stream_shortened"].startswith("db0 stream 'jobs' has 498 entries")
    assert "ciphertext verification failed" in said["pack_byte_flipped"]
    assert (result.verdict, leftovers(site)) == ("GOOD", [])
    assert site.local.snapshots() == before
    assert not (site.state / "ledger").exists()


def test_a_verifier_that_compares_nothing_is_found_out(
    config: Path, site: Site, tmp_path: Path
) -> None:
    """The same command of a copy in which contents are no longer compared: 2, and each named."""
    copy = copy_checkout(tmp_path)
    copy.change(*COMPARE)
    ran = copy.run("alt_backup_assets.cli", "self-test", "--json", "--config", str(config))
    assert ran.returncode == 2, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["verdict"] == "FAILED"
    missed = {fault["fault"] for fault in answer["faults"] if fault["detected"] is False}
    assert missed == CONTENT
    assert leftovers(site) == []


class TestBrokenVerifiers:
    """The test suite itself fails over a verifier that is broken, wherever it is."""

    @pytest.fixture(name="copy")
    def _copy(self, tmp_path: Path) -> Copy:
        return copy_checkout(tmp_path)

    def test_unchanged_it_passes(self, copy: Copy) -> None:
        """What fails below fails for the change."""
        ran = copy.run("pytest", "-q", "-x", *TESTS)
        assert ran.returncode == 0, ran.stdout

    @pytest.mark.parametrize("mutation", MUTATIONS)
    def test_broken_it_fails(self, copy: Copy, mutation: str) -> None:
        """One line of a comparison disabled: a test fails, and no error of its own stops it."""
        copy.change(*MUTATIONS[mutation])
        ran = copy.run("pytest", "-q", "-x", *TESTS)
        assert ran.returncode == 1, ran.stdout
        assert "FAILED tests/unit/" in ran.stdout
