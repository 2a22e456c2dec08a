"""Takes the fingerprint of a PostgreSQL database through an open connection.

The caller decides what the connection sees: the exported snapshot pg_dump reads, or a
throw-away server after the restore. Every query is batched, so that thousands of tables cost a
few round trips.

Source: SPEC section 2, "same-snapshot fingerprint"; PostgreSQL manual, "Snapshot
Synchronization Functions" and pg_dump's handling of extension tables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Any

from alt_backup_assets.dumps.postgresql.content import Hashing, Relation, Sequence
from alt_backup_assets.dumps.postgresql.psql import Psql
from alt_backup_assets.dumps.postgresql.row_hash import Columns, row_hash
from alt_backup_assets.tools.postgresql import identifier, literal

_BATCH = 100
LARGE_OBJECTS = "large objects"

_USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

# Rows of an extension's own tables belong to the extension, unless it asks for them to be dumped.
_RELATIONS = f"""
SELECT n.nspname AS schema, c.relname AS name,
       (SELECT pg_catalog.jsonb_agg(ARRAY[a.attname::text, CASE t.typnamespace
                 WHEN 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END]
                 ORDER BY a.attname COLLATE "C")
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_USER_SCHEMA} AND c.relpersistence <> 't'
  AND (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated)
  AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
      AND NOT (c.oid = ANY (coalesce(e.extconfig, '{{}}'))))
ORDER BY 1, 2
"""

_SEQUENCES = f"""
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement AS increment
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_USER_SCHEMA} AND c.relpersistence <> 't'
ORDER BY 1, 2
"""

_LARGE_OBJECTS = """
SELECT count(*) AS rows, coalesce(sum(pg_catalog.hashtextextended(
         m.oid || ' ' || pg_catalog.pg_get_userbyid(m.lomowner) || ' '
         || coalesce(m.lomacl::text, '') || ' '
         || pg_catalog.md5(pg_catalog.lo_get(m.oid)), 0)), 0)::text AS content
FROM pg_catalog.pg_largeobject_metadata m
"""

_EXTENSIONS = (
    "SELECT extname AS name, extversion AS version FROM pg_catalog.pg_extension ORDER BY 1"
)

# One text per role with all that makes a service able to log in again; only its hash is kept.
# An end date that never comes counts as none: ALTER ROLE cannot take one away for good.
_ROLES = """
SELECT a.rolname AS name, pg_catalog.concat_ws('|', a.rolsuper, a.rolinherit, a.rolcreaterole,
         a.rolcreatedb, a.rolcanlogin, a.rolreplication, a.rolbypassrls, a.rolconnlimit,
         coalesce(a.rolpassword, '-'),
         coalesce(nullif(a.rolvaliduntil, 'infinity')::text, '-'),
         (SELECT string_agg(g.rolname || ':' || m.admin_option, ',' ORDER BY g.rolname)
            FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
            WHERE m.member = a.oid),
         (SELECT string_agg(s.setconfig::text, ',' ORDER BY s.setdatabase)
            FROM pg_catalog.pg_db_role_setting s WHERE s.setrole = a.oid AND s.setdatabase = 0)
       ) AS attributes
FROM pg_catalog.pg_authid a WHERE a.rolname !~ '^pg_' ORDER BY 1
"""

_SERVER = """
SELECT pg_catalog.current_setting('server_version') AS version,
       pg_catalog.current_setting('shared_preload_libraries') AS preload,
       (SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10) AS superuser
"""

_DATABASES = """
SELECT datname AS name FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate ORDER BY 1
"""

_SIZES = """
SELECT datname AS name, pg_catalog.pg_database_size(oid) AS bytes
FROM pg_catalog.pg_database WHERE datname IN ({names})
"""

_USER_RELATIONS = f"""
SELECT count(*) AS relations FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_USER_SCHEMA} AND c.relpersistence <> 't'
"""
_CAN_HASH_BINARY = """
SELECT pg_catalog.current_setting('server_version_num')::int >= 140000
       AND pg_catalog.getdatabaseencoding() = 'UTF8' AS can
"""

_VERSIONS = ("-- Dumped from database version ", "-- Dumped by pg_dump version ")
_HEADING = re.compile(r"^-- (?:Data for )?Name: .*; Type: .*; Schema: .*; Owner: .*$")


def server(psql: Psql) -> dict[str, str]:
    """Return the server's ``version``, ``preload`` libraries and bootstrap ``superuser``."""
    (row,) = psql.rows(_SERVER)
    return {key: str(value) for key, value in row.items()}


def roles(psql: Psql) -> dict[str, str]:
    """Return a hash of everything each role is, has and may, by its name."""
    return {row["name"]: _sha256(row["attributes"]) for row in psql.rows(_ROLES)}


def databases(psql: Psql) -> list[str]:
    """Return the name of every database of the server that can hold somebody's data."""
    return [row["name"] for row in psql.rows(_DATABASES)]


def data_bytes(psql: Psql, names: Collection[str]) -> int | None:
    """Return what databases take up, indexes included; None where one of them is not there."""
    listed = ", ".join(literal(name) for name in names)
    found = {row["name"]: int(row["bytes"]) for row in psql.rows(_SIZES.format(names=listed))}
    return sum(found.values()) if found.keys() >= set(names) else None


def is_empty(psql: Psql) -> bool:
    """Tell whether nobody has made a relation in the database."""
    return not any(row["relations"] for row in psql.rows(_USER_RELATIONS))


def extensions(psql: Psql) -> dict[str, str]:
    """Return the version of every extension by its name."""
    return {row["name"]: row["version"] for row in psql.rows(_EXTENSIONS)}


def sequences(psql: Psql) -> tuple[Sequence, ...]:
    """Return every sequence's position. Call it before the dump starts."""
    found = {_qualified(row): row["increment"] for row in psql.rows(_SEQUENCES)}
    answers = (
        row
        for batch in _batches(list(found))
        for row in psql.rows(
            " UNION ALL ".join(
                f"SELECT {literal(name)} AS name, last_value, is_called FROM {name}"
                for name in batch
            )
        )
    )
    return tuple(Sequence(increment=found[row["name"]], **row) for row in answers)


def hashing(psql: Psql) -> Hashing:
    """Return the better way to hash rows that the server has.

    Rows as binary are hashed in about two thirds of the time, and as exactly. It needs
    PostgreSQL 14, and a database whose text is not converted on its way to a client.
    """
    (row,) = psql.rows(_CAN_HASH_BINARY)
    return "binary" if row["can"] else "text"


def relations(psql: Psql, by: Hashing) -> tuple[Relation, ...]:
    """Return count and order-free content hash of every relation, and of the large objects."""
    found = {_qualified(row): row["columns"] or [] for row in psql.rows(_RELATIONS)}
    answers = (
        row
        for batch in _batches(list(found))
        for row in psql.rows(" UNION ALL ".join(_hashed(n, found[n], by) for n in batch))
    )
    tables = tuple(Relation(**row) for row in answers)
    (large_objects,) = psql.rows(_LARGE_OBJECTS)
    return (*tables, Relation(name=LARGE_OBJECTS, **large_objects))


def schema_objects(schema_text: str) -> dict[str, str]:
    r"""Cut the text of ``pg_dump --schema-only`` into objects and hash each.

    Args:
        schema_text: Its random ``\\restrict`` lines, and the versions of server and pg_dump that
            it begins with, are left out of every hash.

    Returns:
        A hash by the heading pg_dump writes over each object, such as
        ``Name: users; Type: TABLE; Schema: public; Owner: alt``. Objects that share a heading
        share a hash.
    """
    objects: dict[str, list[str]] = {"settings": []}
    current = objects["settings"]
    for line in schema_text.splitlines():
        if line.startswith(("\\restrict ", "\\unrestrict ")):
            continue
        if current is objects["settings"] and line.startswith(_VERSIONS):
            continue
        if _HEADING.match(line):
            current = objects.setdefault(line.removeprefix("-- "), [])
        current.append(line)
    return {heading: _sha256("\n".join(lines))[:32] for heading, lines in objects.items()}


def _hashed(name: str, columns: Columns, by: Hashing) -> str:
    # A sum of bigints is exact in PostgreSQL: it is kept in 128 bits and returned as numeric.
    return (
        f"SELECT {literal(name)} AS name, count(*) AS rows,"
        f" coalesce(sum({row_hash(columns, by)}), 0)::text AS content FROM ONLY {name} AS x"
    )


def _qualified(row: dict[str, Any]) -> str:
    return f"{identifier(row['schema'])}.{identifier(row['name'])}"


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + _BATCH] for start in range(0, len(names), _BATCH))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
