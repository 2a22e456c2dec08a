"""The main job on real containers: two PostgreSQL majors, dumped under writers, proven twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest

from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql.content import DatabaseContent, PostgresqlContent
from alt_backup_assets.dumps.record import DumpRecord, compare
from alt_backup_assets.offsite.copy import Copied, copy_snapshots
from alt_backup_assets.platforms.seam import Runtime
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site, open_site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from alt_backup_assets.status.read import read_status
from alt_backup_assets.verification.drill import Target, newest_target
from alt_backup_assets.verification.drill_all import drill_all
from alt_backup_assets.verification.proof import Proof, Source
from tests.end_to_end.docker_fixtures import POSTGRESQL_15, POSTGRESQL_17
from tests.end_to_end.stack import VOLUMES, Server, Stack, assert_nothing_left
from tests.sshd import SftpServer

pytestmark = pytest.mark.end_to_end

SOURCES: tuple[Source, ...] = ("local", "offsite")
ELSEWHERE = ("db_data_17", "oauth_token_data")
IMAGES = {"db_data_17": POSTGRESQL_17, "kratos_db_data": POSTGRESQL_15}
servers = pytest.mark.parametrize("volume", IMAGES)


@dataclass(frozen=True)
class Day:
    """What one backup day made, while three clients wrote to each server.

    Attributes:
        site: The site.
        before: Newest row of the table that moves, before the dumps began, by volume.
        ended: How each volume's backup ended.
        copies: The offsite copies, by volume.
        proofs: By repository and volume.
    """

    site: Site
    before: dict[str, int]
    ended: dict[str, BackedUp]
    copies: dict[str, Copied]
    proofs: dict[tuple[Source, str], Proof]

    def record(self, volume: str) -> DumpRecord:
        """Return the record of a volume's dump."""
        dump = self.ended[volume].dump
        assert dump is not None, self.ended[volume].error
        return dump.record

    def database(self, volume: str) -> DatabaseContent:
        """Return what was recorded of a server's database."""
        content = self.record(volume).content
        assert isinstance(content, PostgresqlContent)
        return content.databases[0]


@pytest.fixture(scope="module", name="day")
def _day(stack: Stack, sftp: SftpServer, tmp_path_factory: pytest.TempPathFactory) -> Day:
    directory = tmp_path_factory.mktemp("site")
    reached = sftp.sftp.model_dump(mode="json")
    site = open_site(
        stack.site(directory, offsite={"url": sftp.url(directory / "elsewhere"), "sftp": reached})
    )
    names = list(VOLUMES)
    with stack.db.writers(), stack.kratos.writers():
        before = {volume: newest_row(server_of(stack, volume)) for volume in IMAGES}
        running = back_up(site, dumps=names, snapshots=names, day=site.today, notify=str)
        ended = {done.volume: done for done in running}
    copies = {copied.volume: copied for copied in copy_snapshots(site, names)}
    proofs: dict[tuple[Source, str], Proof] = {}
    for source in SOURCES:
        find = partial(newest_in, site, source)
        drilled = map(site.registry.volume, names if source == "local" else ELSEWHERE)
        for done in drill_all(site, drilled, find, notify=str):
            assert done.proof is not None, done.error
            proofs[source, done.volume] = done.proof
    return Day(site, before, ended, copies, proofs)


def newest_in(site: Site, source: Source, volume: Volume) -> Target:
    """Choose the newest snapshot of a volume in one of the repositories."""
    return newest_target(site, volume.name, source=source)


def server_of(stack: Stack, volume: str) -> Server:
    """Return the server of a volume."""
    return stack.db if volume == "db_data_17" else stack.kratos


def newest_row(server: Server) -> int:
    """Return the highest key of the table that moves."""
    return int(server.sql("SELECT coalesce(max(id), 0) FROM moving"))


@pytest.mark.parametrize(
    ("volume", "source"),
    [*((volume, "local") for volume in VOLUMES), *((volume, "offsite") for volume in ELSEWHERE)],
)
def test_a_volume_is_proven(day: Day, volume: str, source: Source) -> None:
    """What was dumped under writers comes back equal, from here and from elsewhere."""
    proof = day.proofs[source, volume]
    assert proof.differences == ()
    assert proof.verdict == "PROVEN"
    assert proof.source == source
    assert all(line.equal for line in proof.compared)
    taken = day.ended[volume].snapshot
    assert taken is not None
    assert proof.snapshot == taken.snapshot.id


@servers
def test_the_live_table_moved_on_during_the_dump(day: Day, stack: Stack, volume: str) -> None:
    """The equality was not that of a table at rest: rows were written while it was dumped."""
    server, finished_at = server_of(stack, volume), day.record(volume).finished_at
    written_meanwhile = int(
        server.sql(
            f"SELECT count(*) FROM moving WHERE id > {day.before[volume]}"
            f" AND written_at < '{finished_at.isoformat()}'"
        )
    )
    (recorded,) = (r for r in day.database(volume).relations if r.name == '"public"."moving"')
    live = int(server.sql("SELECT count(*) FROM moving"))
    assert written_meanwhile > 0
    assert recorded.rows < live
    (shown,) = (
        line for line in day.proofs["local", volume].compared if line.name.endswith('."moving"')
    )
    assert shown.recorded == shown.restored == recorded.rows


@servers
def test_everything_a_server_has_was_recorded(day: Day, volume: str) -> None:
    """Nothing was equal because nobody looked: roles, relations of every kind, large objects."""
    content = day.record(volume).content
    assert isinstance(content, PostgresqlContent)
    database = content.databases[0]
    rows = {relation.name: relation.rows for relation in database.relations}
    assert set(content.roles) == {content.superuser, "readers", "App User", "lonely"}
    assert content.superuser == VOLUMES[volume]["user"]
    assert rows['"Odd.Schema"."it\'s ""quoted"""'] == 2
    assert rows['"public"."x"'] == rows['"public"."t"'] == rows['"public"."odd_values"'] == 3
    assert rows['"reading"."empty"'] == 0
    assert rows['"reading"."no_columns"'] == 3
    assert rows['"public"."events_2025_0"'] + rows['"public"."events_2025_1"'] == 355
    assert rows['"public"."by_kind"'] == 7
    assert '"public"."unfilled"' not in rows
    assert rows["large objects"] == 2
    assert {sequence.increment for sequence in database.sequences} == {1, 5, -3}
    kinds = {heading.split("; ")[1] for heading in database.schema_objects if "; " in heading}
    assert {"Type: POLICY", "Type: TRIGGER", "Type: DEFAULT ACL", "Type: DOMAIN"} <= kinds


@servers
def test_the_drill_ran_on_the_sources_own_image(day: Day, stack: Stack, volume: str) -> None:
    """Each major is restored by its own program files, named in the record and the proof."""
    image = stack.project.client.images.get(IMAGES[volume])
    assert day.record(volume).runtime == Runtime(IMAGES[volume], str(image.id))
    proof = day.proofs["local", volume]
    assert proof.runtime == day.record(volume).runtime
    assert proof.server_version == server_of(stack, volume).sql("SHOW server_version")


def test_only_sequences_may_have_moved_on(day: Day) -> None:
    """Sequences, up and down, went on between their reading and the dump; nothing else did."""
    dump = day.ended["db_data_17"].dump
    assert dump is not None
    recorded = dump.record.content
    restored = postgresql.rehearse(dump.record, dump.directory, day.site.platform)
    assert isinstance(recorded, PostgresqlContent)
    ours, theirs = recorded.databases[0], restored.databases[0]
    assert theirs.relations == ours.relations
    assert theirs.schema_objects == ours.schema_objects
    assert restored.roles == recorded.roles
    moved = {
        before.name: after.next_value - before.next_value
        for before, after in zip(ours.sequences, theirs.sequences, strict=True)
    }
    assert moved['"public"."invoice_numbers"'] > 0
    assert moved['"public"."countdown"'] < 0
    assert moved['"public"."untouched"'] == 0
    assert compare(recorded, restored).differences == ()
    # The other way round the same two would hand out values a second time.
    backwards = " ".join(compare(restored, recorded).differences)
    assert 'sequence "public"."invoice_numbers" goes on at' in backwards
    assert 'sequence "public"."countdown" goes on at' in backwards


def test_the_status_is_good_and_counts_both_copies(day: Day) -> None:
    """Every volume has a proven snapshot and an offsite copy."""
    status = read_status(day.site)
    assert (status.verdict, status.reasons) == ("GOOD", ())
    assert (status.posture.copies, status.posture.media, status.posture.offsite) == (3, 2, True)
    assert status.posture.unproven == 0
    for volume in status.volumes:
        assert volume.offsite_snapshot == day.copies[volume.name].copy.id
        assert volume.proven_snapshot == volume.latest_snapshot


def test_nothing_is_left_behind(day: Day, stack: Stack) -> None:
    """No container, no directory, and no connection of ours in a live server."""
    assert_nothing_left(stack.project, day.site)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'alt-backup%'"
    assert [stack.db.sql(ours), stack.kratos.sql(ours)] == ["0", "0"]
