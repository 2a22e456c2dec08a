"""What is planted in a PostgreSQL dump: from a cut file to one row that is not there.

A throw-away server loads the dump, loses a row and then the table, and is dumped again, so that
the archives are whole and only their content is another one. The control is what the same server
is dumped to before that.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alt_backup_assets.dumps.planting import Change, Damage, Planting, Sound, flip_byte
from alt_backup_assets.dumps.postgresql import throwaway
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent, Relation
from alt_backup_assets.dumps.postgresql.files import GLOBALS, archive_name, statements
from alt_backup_assets.dumps.postgresql.fingerprint import LARGE_OBJECTS
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.tools.postgresql import literal

ROW_DROPPED = "row_dropped"
TABLE_REMOVED = "table_removed"
ROLE_MISSING = "role_missing"
DUMP_TRUNCATED = "dump_truncated"
DUMP_BYTE_FLIPPED = "dump_byte_flipped"
FAULTS: tuple[str, ...] = (
    ROW_DROPPED,
    TABLE_REMOVED,
    ROLE_MISSING,
    DUMP_TRUNCATED,
    DUMP_BYTE_FLIPPED,
)

_NO_TABLE = "no table has a row that can be taken out without breaking a foreign key"
_NO_ROLE = "the server has no role beside its superuser"

# A row that another one refers to would stop the restore, and prove nothing of the comparison.
_LOOSE = """
SELECT recorded.name FROM unnest(ARRAY[{names}]) WITH ORDINALITY AS recorded(name, position)
JOIN pg_catalog.pg_class c ON c.oid = recorded.name::pg_catalog.regclass
WHERE c.relkind = 'r' AND NOT EXISTS (
  SELECT 1 FROM pg_catalog.pg_constraint f
  WHERE f.contype = 'f' AND f.confrelid = c.oid AND f.conrelid <> c.oid)
ORDER BY recorded.position LIMIT 1
"""
_WITHOUT_TRIGGERS = "SET session_replication_role = replica; SET client_min_messages = warning;"
_DELETE = "DELETE FROM ONLY {table} WHERE ctid = (SELECT max(ctid::text) FROM ONLY {table})::tid;"
_DROP = "DROP TABLE {table} CASCADE;"


@dataclass(frozen=True)
class _Archives:
    """A database dumped again: as it was, and without a row and a table of it."""

    database: str
    table: Relation | None
    room: Path

    def put(self, state: str) -> Change:
        return partial(_replace, self.room / state, archive_name(self.database))


def plant(sound: Sound, room: Path, platform: Platform) -> Planting:
    """Prepare what a drill of this server must notice; see ``Planter.plant``."""
    content = sound.record.content
    if not isinstance(content, PostgresqlContent):
        raise DumpFailed(f"the record of {sound.record.volume} is not of a PostgreSQL dump")
    archives = _dump_again(sound, content, room, platform)
    damages = [*_in_the_file(archive_name(archives.database))]
    lacking: dict[str, str] = {}
    if archives.table:
        damages += _in_the_content(archives, archives.table)
    else:
        lacking |= {ROW_DROPPED: _NO_TABLE, TABLE_REMOVED: _NO_TABLE}
    role = next((role for role in content.roles if role != content.superuser), None)
    if role is None:
        lacking[ROLE_MISSING] = _NO_ROLE
    else:
        said = f'^role {re.escape(role)} is missing$|role "{re.escape(role)}" does not exist'
        damages.append(Damage(ROLE_MISSING, said, partial(_without_role, role)))
    return Planting(archives.put("control"), tuple(damages), lacking)


def _dump_again(
    sound: Sound, content: PostgresqlContent, room: Path, platform: Platform
) -> _Archives:
    database = max(content.databases, key=lambda each: sum(r.rows for r in each.relations))
    filled = [r for r in database.relations if r.rows and r.name != LARGE_OBJECTS]
    filled.sort(key=lambda relation: -relation.rows)
    with throwaway.server(platform, sound.record, content) as scratch:
        scratch.load_globals(sound.directory / GLOBALS)
        scratch.load(sound.directory / archive_name(database.name))
        scratch.dump(database.name, room / "control")
        loose = scratch.rows(database.name, _loose(filled)) if filled else []
        table = next((r for r in filled for row in loose if r.name == row["name"]), None)
        if table:
            for state, statement in ((ROW_DROPPED, _DELETE), (TABLE_REMOVED, _DROP)):
                change = _WITHOUT_TRIGGERS + statement.format(table=table.name)
                scratch.change(database.name, change)
                scratch.dump(database.name, room / state)
    return _Archives(database.name, table, room)


def _loose(relations: list[Relation]) -> str:
    return _LOOSE.format(names=", ".join(literal(relation.name) for relation in relations))


def _in_the_content(archives: _Archives, table: Relation) -> list[Damage]:
    name = re.escape(f"{archives.database}: {table.name}")
    return [
        Damage(
            ROW_DROPPED,
            f"^{name} has {table.rows - 1} rows, {table.rows} were recorded$",
            archives.put(ROW_DROPPED),
        ),
        Damage(
            TABLE_REMOVED,
            rf"^{name} is missing \({table.rows} rows were recorded\)$",
            archives.put(TABLE_REMOVED),
        ),
    ]


def _in_the_file(archive: str) -> tuple[Damage, ...]:
    return (
        Damage(DUMP_TRUNCATED, "pg_restore exited with", partial(_cut, archive)),
        Damage(
            DUMP_BYTE_FLIPPED,
            rf"^{re.escape(archive)} has sha256 \w+…, \w+… was written$",
            partial(_flip, archive),
            agrees=False,
        ),
    )


def _replace(source: Path, archive: str, directory: Path) -> None:
    shutil.copyfile(source, directory / archive)


def _cut(archive: str, directory: Path) -> None:
    path = directory / archive
    os.truncate(path, path.stat().st_size // 3)


def _flip(archive: str, directory: Path) -> None:
    flip_byte(directory / archive, (directory / archive).stat().st_size // 2)


def _without_role(role: str, directory: Path) -> None:
    named = re.compile(rf'(?<!\w)(?:{re.escape(role)}(?!\w)|"{re.escape(role)}")')
    script = directory / GLOBALS
    kept = [part for part in statements(script.read_text()) if not named.search(part)]
    script.write_text("\n".join((*kept, "")))
