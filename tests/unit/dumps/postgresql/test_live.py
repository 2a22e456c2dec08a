"""Loading into a scripted server: what is asked, what is refused, and every way it can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.dumps import upload
from alt_backup_assets.dumps.engine import Loading
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.dumps.postgresql.live import load
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import AltBackupError, RestoreFailed, RestoreRefused, ToolFailed
from tests.fakes.platform import Answer, FakePlace
from tests.fakes.postgresql import ARCHIVE, ROWS, VOLUME, Server, script_load
from tests.fakes.site import Machine

RESTORE = ("pg_restore", "-U", "alt_db_user")
WHOLE = ("--single-transaction", "--exit-on-error", "-d")
PLACE = "/tmp/alt-backup-load-fake-db_data"  # noqa: S108 -- where the product puts it
ARCHIVE_PATH = f"{PLACE}/archive"
GONE: list[dict[str, Any]] = [{"name": "postgres"}]
EXISTING = "FROM pg_catalog.pg_database)"


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Server:
    return Server(tmp_path / "dump")


@pytest.fixture(name="record")
def _record(server: Server, machine: Machine) -> DumpRecord:
    dumped = server.dump()
    script_load(server.place)
    server.place.calls.clear()
    changes = {
        "content": dumped.content,
        "artifacts": dumped.artifacts,
        "server_version": dumped.server_version,
    }
    return machine.dump().record.model_copy(update=changes)


def _load(server: Server, record: DumpRecord, into: str | None = None) -> PostgresqlContent:
    return load(Loading(VOLUME, record, server.directory, server.place, into))


def _restores(server: Server) -> list[tuple[str, ...]]:
    return server.calls("pg_restore", "--single-transaction")


def _told(place: FakePlace) -> str:
    return b"".join(call.stdin for call in place.calls if call.argv[0] == "psql").decode()


def test_a_database_is_replaced_in_one_transaction(server: Server, record: DumpRecord) -> None:
    """By exactly this command; what was loaded is what was recorded."""
    assert _load(server, record) == record.content
    replacing = (*RESTORE, "--clean", "--if-exists", *WHOLE, "alt", ARCHIVE_PATH)
    assert _restores(server) == [replacing]
    assert "ALTER DATABASE alt SET work_mem TO '8MB';" in _told(server.place)
    assert "CREATE DATABASE" not in _told(server.place)


def test_other_connections_are_ended_first(server: Server, record: DumpRecord) -> None:
    """Of that database only, and our own leftovers."""
    _load(server, record)
    endings = [argv[-1] for argv in server.calls("psql", "-c")]
    assert "application_name = E'alt-backup db_data_17'" in endings[0]
    assert "WHERE datname = E'alt' AND pid <>" in endings[1]


def test_the_roles_come_before_the_databases(server: Server, record: DumpRecord) -> None:
    """And no verifier is in a command or an environment."""
    _load(server, record)
    words = [call.argv for call in server.place.calls]
    (roles,) = (call for call in server.place.calls if "VERBOSITY=terse" in call.argv)
    assert b'CREATE ROLE "reader";' in roles.stdin
    assert words.index(roles.argv) < words.index(_restores(server)[0])
    assert "SCRAM" not in repr([(call.argv, call.env) for call in server.place.calls])


def test_a_missing_database_is_created_as_the_archive_says(
    server: Server, record: DumpRecord
) -> None:
    """With its encoding, locale and owner; nothing has to be removed from it."""
    script_load(server.place, {EXISTING: GONE})
    _load(server, record)
    told = _told(server.place)
    assert "CREATE DATABASE \"alt\" WITH TEMPLATE = template0 ENCODING = 'UTF8'" in told
    assert 'ALTER DATABASE "alt" OWNER TO alt_db_user;' in told
    assert _restores(server) == [(*RESTORE, *WHOLE, "alt", ARCHIVE_PATH)]


def test_another_database_gets_the_data_only(server: Server, record: DumpRecord) -> None:
    """Created under its own name; the dump's own database and its settings are left alone."""
    content = _load(server, record, into="copy")
    assert content == record.content
    assert _restores(server) == [(*RESTORE, *WHOLE, "copy", ARCHIVE_PATH)]
    told = _told(server.place)
    assert 'CREATE DATABASE "copy" WITH TEMPLATE' in told
    assert "DATABASE alt" not in told
    assert not any("E'alt'" in argv[-1] for argv in server.calls("psql", "-c"))


def test_the_archive_goes_in_pieces(
    server: Server, record: DumpRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never whole in memory, into a private directory that is removed before and after."""
    monkeypatch.setattr(upload, "_PIECE_BYTES", 100)
    _load(server, record)
    pieces = [call.stdin for call in server.place.calls if call.argv[0] == "tee"]
    assert b"".join(pieces) == ARCHIVE
    assert max(map(len, pieces)) == 100
    assert server.calls("mkdir") == [("mkdir", "-m", "700", PLACE)]
    remove = ("rm", "-rf", PLACE)
    steps = [call.argv for call in server.place.calls if call.argv[0] in ("rm", "mkdir")]
    assert (steps[0], steps[-1]) == (remove, remove)


def test_an_archive_that_arrives_otherwise_is_not_loaded(
    server: Server, record: DumpRecord
) -> None:
    """A stream can be cut while the command behind it still exits 0."""
    server.place.script("sha256sum", answers=[Answer(stdout=b"0" * 64 + b"  archive\n")])
    with pytest.raises(RestoreFailed, match=r"alt\.dump did not arrive"):
        _load(server, record)
    assert _restores(server) == []


def test_a_difference_is_returned(server: Server, record: DumpRecord) -> None:
    """The caller compares; nothing is taken from the record but the superuser's hash."""
    users = [{"name": "alt_db_user", "attributes": "other"}, {"name": "more", "attributes": "x"}]
    fewer = [{**ROWS["FROM ONLY"][0], "rows": 2}]
    script_load(server.place, {"FROM ONLY": fewer, "pg_authid a": users})
    content = _load(server, record)
    assert isinstance(record.content, PostgresqlContent)
    assert record.content.differences(content) == (
        'alt: "public"."users" has 2 rows, 3 were recorded',
    )


@pytest.mark.parametrize("version", ["18.1", ""], ids=["older", "unknown"])
def test_a_server_that_may_be_too_old_is_refused(
    server: Server, record: DumpRecord, version: str
) -> None:
    """Before anything is touched; both versions are named."""
    with pytest.raises(RestoreRefused, match=rf"PostgreSQL {version} and the server is 17\.6"):
        _load(server, record.model_copy(update={"server_version": version}))
    assert server.calls("psql", "VERBOSITY=terse") == []


def test_missing_extensions_are_refused_by_name(server: Server, record: DumpRecord) -> None:
    """Before anything is touched."""
    script_load(server.place, {"pg_available_extensions": []})
    with pytest.raises(RestoreRefused, match="no extension plpgsql"):
        _load(server, record)
    assert server.calls("psql", "VERBOSITY=terse") == []


def test_missing_tablespaces_are_refused_with_their_statements(
    server: Server, record: DumpRecord
) -> None:
    """Only the operator knows on which disk they belong here."""
    with (server.directory / "globals.sql").open("a") as roles:
        roles.write("CREATE TABLESPACE fast OWNER alt LOCATION '/mnt/fast';\n")
    with pytest.raises(RestoreRefused, match="CREATE TABLESPACE fast OWNER alt"):
        _load(server, record)


def test_a_database_with_something_in_it_is_refused(server: Server, record: DumpRecord) -> None:
    """An empty one is as good as a new one."""
    rows: dict[str, list[dict[str, Any]]] = {EXISTING: [{"name": "alt"}, {"name": "copy"}]}
    script_load(server.place, rows)
    _load(server, record, into="copy")
    script_load(server.place, rows | {"AS relations": [{"relations": 1}]})
    with pytest.raises(RestoreRefused, match="copy has something in it"):
        _load(server, record, into="copy")
    assert len(_restores(server)) == 1


def test_several_databases_do_not_fit_into_another(server: Server, record: DumpRecord) -> None:
    """Nobody could tell which of them it was."""
    assert isinstance(record.content, PostgresqlContent)
    both = record.content.model_copy(update={"databases": record.content.databases * 2})
    twice = record.model_copy(update={"content": both})
    with pytest.raises(RestoreRefused, match="only one database"):
        _load(server, twice, into="copy")


def test_a_record_of_another_engine_is_refused(
    server: Server, record: DumpRecord, machine: Machine
) -> None:
    """Nothing is loaded that was not dumped by this engine."""
    foreign = record.model_copy(update={"content": machine.dump("token-data").record.content})
    with pytest.raises(RestoreRefused, match="not of a PostgreSQL dump"):
        _load(server, foreign)


FAULTS = [
    Answer(exit_code=1, stderr="broken"),
    Answer(too_slow=True),
    Answer(vanish=True),
    Answer(missing=True),
]
NAMES = ["exit 1", "too slow", "vanished", "missing"]


@pytest.mark.parametrize("answer", FAULTS, ids=NAMES)
@pytest.mark.parametrize(
    "step",
    [
        ("mkdir",),
        ("tee",),
        ("sha256sum",),
        ("pg_restore", "--create"),
        ("pg_restore", "--single-transaction"),
    ],
    ids="-".join,
)
def test_a_load_that_fails_says_what_was_replaced(
    server: Server, record: DumpRecord, step: tuple[str, ...], answer: Answer
) -> None:
    """At every step, in every way; our connections are ended and the archive is removed."""
    server.place.script(*step, answers=[answer])
    with pytest.raises(RestoreFailed, match="replaced: none"):
        _load(server, record)
    assert "application_name" in server.calls("psql", "-c")[-1][-1]
    if step != ("mkdir",):
        assert server.calls("rm")[-1] == ("rm", "-rf", PLACE)


@pytest.mark.parametrize(
    "answer", [*FAULTS, Answer()], ids=[*NAMES, "cut: nothing said and exit 0"]
)
def test_roles_that_fail_stop_everything(
    server: Server, record: DumpRecord, answer: Answer
) -> None:
    """They are one transaction, and no database is touched after it."""
    server.place.script("psql", "VERBOSITY=terse", answers=[answer])
    with pytest.raises(RestoreFailed, match="roles stay as they were"):
        _load(server, record)
    assert _restores(server) == []


def test_a_database_that_was_created_for_nothing_is_dropped(
    server: Server, record: DumpRecord
) -> None:
    """All of it or nothing; one that was there is never dropped."""
    broken = Answer(exit_code=1, stderr="broken")
    server.place.script("pg_restore", "--single-transaction", answers=[broken])
    with pytest.raises(RestoreFailed):
        _load(server, record)
    assert "DROP DATABASE" not in _told(server.place)
    with pytest.raises(RestoreFailed):
        _load(server, record, into="copy")
    assert 'DROP DATABASE IF EXISTS "copy";' in _told(server.place)


def test_an_archive_that_does_not_define_its_database_is_a_failure(
    server: Server, record: DumpRecord
) -> None:
    """Its encoding and locale are not guessed."""
    server.place.script("pg_restore", "--create", answers=[Answer(stdout=b"SET x = 1;\n")])
    with pytest.raises(RestoreFailed, match="does not say how alt was created"):
        _load(server, record)


@pytest.mark.parametrize("answer", FAULTS, ids=NAMES)
def test_a_server_that_does_not_answer_is_no_success(
    server: Server, record: DumpRecord, answer: Answer
) -> None:
    """Nothing is touched where it does not answer the first question."""
    server.place.script("psql", "-c", answers=[answer])
    with pytest.raises(AltBackupError):
        _load(server, record)
    assert server.calls("psql", "VERBOSITY=terse") == []


@pytest.mark.parametrize("answer", FAULTS, ids=NAMES)
def test_what_cannot_be_compared_is_no_success(
    server: Server, record: DumpRecord, answer: Answer
) -> None:
    """It was replaced, and the error says so."""
    server.place.script("psql", "-d", "alt", answers=[answer])
    with pytest.raises(RestoreFailed, match="replaced: alt; but what they hold"):
        _load(server, record)


def test_what_cannot_be_removed_hides_no_error(server: Server, record: DumpRecord) -> None:
    """The restore's own error is the one that counts; the next load removes the rest."""
    failed = Answer(exit_code=1, stderr="the disk is full")
    server.place.script("pg_restore", "--single-transaction", answers=[failed])
    server.place.script("rm", answers=[Answer(), Answer(exit_code=1)])
    with pytest.raises(RestoreFailed, match="the disk is full") as caught:
        _load(server, record)
    assert isinstance(caught.value.__cause__, ToolFailed)
