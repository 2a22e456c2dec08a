"""A PostgreSQL server of scripted programs: pg_dump, pg_dumpall, and a psql that answers queries.

A query is known by a few words of it. Keep out: what a real server would say; the integration
tests ask one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.postgresql import driver as postgresql
from alt_backup_assets.dumps.postgresql.roles import DONE
from alt_backup_assets.registry.volume import Volume
from tests.fakes.pgarchive import Builder
from tests.fakes.platform import Answer, FakePlace, FakePlatform

Reply = Callable[[bytes], bytes]


def marker(said: bytes) -> bytes:
    """Return the line that psql echoes behind its answer."""
    return said.rpartition(b"\\echo ")[2]


def answering(*lines: bytes) -> Reply:
    """Answer everything with these lines and the end of the answer."""
    return lambda said: b"".join(line + b"\n" for line in lines) + marker(said)


VOLUME = Volume(
    name="db_data_17",
    service="db",
    engine="postgresql",
    category="critical",
    databases=("alt",),
    user="alt_db_user",
)
SNAPSHOT = "00000003-0000001B-1"
GLOBALS = b"""\
CREATE ROLE alt_db_user;
ALTER ROLE alt_db_user WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:abc';
CREATE ROLE "reader";
--
-- PostgreSQL database cluster dump complete
--
"""
SCHEMA = (
    b"--\n-- Name: users; Type: TABLE; Schema: public; Owner: alt\n--\nCREATE TABLE users ();\n"
)
ARCHIVE = Builder().archive()
STATE: dict[str, Any] = {
    "system_identifier": "7401",
    "timeline": 1,
    "running_since": "2026-11-23 08:00:00+00",
    "oldest_transaction": 801,
    "next_transaction": 801,
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "txid_current_snapshot": [STATE],
    "getdatabaseencoding": [{"can": True}],
    "pg_export_snapshot": [{"id": SNAPSHOT}],
    "server_version": [{"version": "17.6", "preload": "pg_cron", "superuser": "alt_db_user"}],
    "pg_authid a": [{"name": "alt_db_user", "attributes": "t|-"}],
    "seqincrement": [{"schema": "public", "name": "ids", "increment": 1}],
    "last_value": [{"name": '"public"."ids"', "last_value": 7, "is_called": True}],
    "c.relkind = 'r'": [{"schema": "public", "name": "users", "columns": [["id", "int8"]]}],
    "FROM ONLY": [{"name": '"public"."users"', "rows": 3, "content": "12"}],
    "pg_largeobject_metadata": [{"rows": 0, "content": "0"}],
    "pg_extension ORDER": [{"name": "plpgsql", "version": "1.0"}],
}
LIVE_ROWS: dict[str, list[dict[str, Any]]] = {
    "pg_available_extensions": [{"name": "plpgsql"}],
    "rolvaliduntil IS NOT NULL": [{"name": "alt_db_user", "expires": False}],
    "pg_tablespace": [{"name": "pg_default"}],
    "FROM pg_catalog.pg_database)": [{"name": "alt"}, {"name": "postgres"}],
    "AS relations": [{"relations": 0}],
}
"""What a server says beside ``ROWS`` when something is to be loaded into it."""
DEFINITION = b"""\
CREATE DATABASE alt WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C';
ALTER DATABASE alt OWNER TO alt_db_user;
\\connect alt
SET row_security = off;
ALTER DATABASE alt SET work_mem TO '8MB';
"""
DATABASE = ("pg_dump", "--format=custom")


def answers(rows: dict[str, list[dict[str, Any]]], broken: str = "") -> Callable[[bytes], bytes]:
    """Answer queries; to one that has ``broken`` in it say nothing more."""

    def reply(said: bytes) -> bytes:
        if broken and broken.encode() in said:
            return b""
        found = next((rows[word] for word in rows if word.encode() in said), [])
        return b"".join(json.dumps(row).encode() + b"\n" for row in found) + marker(said)

    return reply


@dataclass
class Server:
    """A scripted source server, and an empty directory for its dump."""

    directory: Path
    platform: FakePlatform = field(default_factory=FakePlatform)

    def __post_init__(self) -> None:
        self.place = self.platform.add("db")
        script(self.place)

    def dump(self, volume: Volume = VOLUME) -> Dumped:
        """Dump a volume of it."""
        self.directory.mkdir(exist_ok=True)
        return postgresql.dump(volume, self.platform, self.directory)

    def calls(self, *words: str) -> list[tuple[str, ...]]:
        """Return the commands that begin with a program and hold these words."""
        argvs = [call.argv for call in self.place.calls]
        return [argv for argv in argvs if argv[0] == words[0] and set(words[1:]) <= set(argv)]


def script(place: FakePlace, rows: dict[str, list[dict[str, Any]]] = ROWS) -> None:
    """Script a server where everything works."""
    place.script("psql", answers=[Answer(reply=answers(rows))])
    place.script("psql", "-c")
    place.script("pg_dumpall", answers=[Answer(stdout=GLOBALS)])
    place.script("pg_dump", "--schema-only", answers=[Answer(stdout=SCHEMA)])
    place.script(*DATABASE, answers=[Answer(stdout=ARCHIVE)])


def script_load(place: FakePlace, rows: dict[str, list[dict[str, Any]]] | None = None) -> None:
    """Script a server into which everything can be loaded."""
    script(place, ROWS | LIVE_ROWS | (rows or {}))
    place.script("psql", "VERBOSITY=terse", answers=[Answer(stdout=f"{DONE}\n".encode())])
    place.script("pg_restore", "--create", answers=[Answer(stdout=DEFINITION)])
    arrived = f"{hashlib.sha256(ARCHIVE).hexdigest()}  archive\n".encode()
    place.script("sha256sum", answers=[Answer(stdout=arrived)])
    place.script("pg_restore", "--single-transaction")
    for program in ("tee", "mkdir", "rm"):
        place.script(program)
