"""ClickHouse's BACKUP, from scripted answers: what is whole, and every way it can fail."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alt_backup_assets.dumps.clickhouse import backup
from alt_backup_assets.dumps.clickhouse import content as clickhouse_content
from alt_backup_assets.dumps.record import Artifact
from alt_backup_assets.errors import DumpFailed, ServiceVanished, ToolFailed
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.clickhouse import Row, Server, name, rows, text
from alt_backup_assets.tools.http import HttpService
from tests.fakes.platform import Answer, FakePlace

VOLUME = Volume(
    name="ch_data",
    service="ch",
    engine="clickhouse",
    category="metrics",
    databases=("alt",),
    user="u",
)
ARCHIVE = gzip.compress(b"rows" * 1000)
DONE: Row = {"status": "BACKUP_CREATED", "compressed_size": str(len(ARCHIVE)), "error": ""}


@dataclass(frozen=True)
class Scripted(Server):
    """A server whose answers are given, the states of its backup above all."""

    states: list[list[Row]] = field(default_factory=list)

    def ask(self, query: str) -> list[Row]:
        """Answer from the script."""
        if query.startswith("BACKUP"):
            return [{"id": "1"}]
        return self.states.pop(0) if "system.backups" in query else []


def dumped(directory: Path, *states: list[Row], seconds: float = 60, **cat: object) -> Artifact:
    """Dump from these states, and require that the archive is removed in the service."""
    place = FakePlace("ch")
    place.script("rm")
    answer = Answer(stdout=ARCHIVE) if not cat else Answer(**cat)  # type: ignore[arg-type]
    place.script("cat", answers=[answer])
    source = Scripted(HttpService("ch", "http://127.0.0.1:1"), seconds, list(states))
    try:
        return backup.dump_database(source, VOLUME, place, "/backups/", "alt", directory=directory)
    finally:
        assert place.calls[-1].argv[:2] == ("rm", "-f")


def test_a_whole_archive(tmp_path: Path) -> None:
    """An archive that is as long as ClickHouse says and readable to its end is a dump."""
    artifact = dumped(tmp_path, [{"status": "CREATING_BACKUP"}], [DONE])
    assert (tmp_path / artifact.path).read_bytes() == ARCHIVE


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ([{"status": "BACKUP_FAILED", "error": "disk full"}], "BACKUP_FAILED: disk full"),
        ([{"status": "NEVER_HEARD"}], "NEVER_HEARD: it said nothing"),
        ([], "no longer knows its BACKUP"),
        ([{**DONE, "compressed_size": "7"}], "ClickHouse wrote 7"),
    ],
)
def test_a_failed_backup(tmp_path: Path, state: list[Row], said: str) -> None:
    """A failed, unknown or vanished backup, or one of another length, is no dump."""
    with pytest.raises(DumpFailed, match=said):
        dumped(tmp_path, state)


def test_too_slow(tmp_path: Path) -> None:
    """A backup that is not ready in time is no dump."""
    with pytest.raises(DumpFailed, match="timeout_minutes"):
        dumped(tmp_path, [{"status": "CREATING_BACKUP"}], seconds=1e-9)


def test_a_cut_archive(tmp_path: Path) -> None:
    """An archive that ends early is no dump, though its length is as announced."""
    cut = ARCHIVE[:-5]
    with pytest.raises(DumpFailed, match="not a whole"):
        dumped(tmp_path, [{**DONE, "compressed_size": len(cut)}], stdout=cut)


def test_a_service_that_vanishes(tmp_path: Path) -> None:
    """A service that goes away in the middle of the stream is said, and nothing hides it."""
    with pytest.raises(ServiceVanished):
        dumped(tmp_path, [DONE], stdout=ARCHIVE[:9], vanish=True)


def test_no_disk() -> None:
    """Without a disk for backups the message has the XML to add."""
    source = Scripted(HttpService("ch", "http://127.0.0.1:1"), 1)
    with pytest.raises(DumpFailed, match="<allowed_disk>backups</allowed_disk>"):
        backup.directory_of_backups(source)


def test_the_database_name_is_not_in_the_schema() -> None:
    """A table restored under another database has the same schema; another column has not."""

    def ask_for(database: str, column: str) -> str:
        made = f"CREATE VIEW {database}.v AS SELECT {column} FROM {database}.t"
        row: Row = {"name": "v", "engine": "View", "id": "1-2", "made": made}
        (table,) = clickhouse_content.tables(lambda _: [row], database)
        return table.schema

    assert ask_for("alt", "a") == ask_for("other", "a")
    assert ask_for("alt", "a") != ask_for("alt", "b")


def test_answers() -> None:
    """A cut answer is refused, and names and texts are quoted."""
    assert rows('{"a":1}\n', "ch") == [{"a": 1}]
    with pytest.raises(ToolFailed, match="cut or not JSON"):
        rows('{"a":', "ch")
    assert (name("a`b"), text("a'b")) == (r"`a\`b`", r"'a\'b'")


@pytest.mark.parametrize(("said", "user"), [(None, "u"), ("", "u"), ("from_env", "from_env")])
def test_the_user_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None, user: str
) -> None:
    """CLICKHOUSE_USER goes before the registry's user; the key comes from its file alone."""
    monkeypatch.delenv("CLICKHOUSE_USER", raising=False)
    if said is not None:
        monkeypatch.setenv("CLICKHOUSE_USER", said)
    (tmp_path / "key").write_text("s3cret\n")
    volume = VOLUME.model_copy(update={"password_file": tmp_path / "key"})
    server = backup.server(volume, FakePlace("ch"))
    assert server.http.headers == {"X-ClickHouse-User": user, "X-ClickHouse-Key": "s3cret"}
    assert server.http.url == "http://127.0.0.1:8123"
    assert "X-ClickHouse-Key" not in backup.server(VOLUME, FakePlace("ch")).http.headers
    assert "s3cret" not in repr(server)
