"""A volume of Grafana, as its own migrations make it where it matters: tables, owner, files beside.

No Grafana can be installed where the tests run; its data directory is SQLite and files.
Source: Grafana, pkg/services/sqlstore/migrations (names of tables and columns).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

OWNER = 472
_TABLES = """
CREATE TABLE migration_log (id INTEGER PRIMARY KEY AUTOINCREMENT, migration_id TEXT NOT NULL);
CREATE TABLE org (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
CREATE TABLE "user" (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL, password TEXT, salt TEXT);
CREATE UNIQUE INDEX UQE_user_login ON "user" (login);
CREATE TABLE dashboard (
  id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT, title TEXT NOT NULL, data TEXT NOT NULL,
  org_id INTEGER NOT NULL, is_folder INTEGER NOT NULL DEFAULT 0);
CREATE TABLE data_source (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, secure_json_data BLOB, is_default REAL);
CREATE TABLE alert_rule (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
INSERT INTO migration_log (migration_id) VALUES ('create dashboard'), ('create user');
INSERT INTO org (name) VALUES ('Main Org.'), ('Main Org.');
INSERT INTO "user" (login, password) VALUES ('admin', 'protects-nothing');
INSERT INTO "user" (login, password) VALUES (CAST(X'ff27' AS TEXT), '');
INSERT INTO data_source (name, secure_json_data, is_default) VALUES ('prometheus', X'00ff27', 1.5);
"""
_DASHBOARDS = 12


def make_grafana(volume: Path) -> Path:
    """Fill a volume and return its database."""
    volume.mkdir(exist_ok=True)
    database = volume / "grafana.db"
    with closing(sqlite3.connect(database)) as made:
        made.executescript(_TABLES)
        rows = [(f"u{i}", f"Board {i}", "{}" * i, 1, int(i == 0)) for i in range(_DASHBOARDS + 1)]
        insert = (
            "INSERT INTO dashboard (uid, title, data, org_id, is_folder) VALUES (?, ?, ?, ?, ?)"
        )
        made.executemany(insert, rows)
        made.commit()
    (volume / "plugins" / "a-panel").mkdir(parents=True)
    (volume / "plugins" / "a-panel" / "module.js").write_text("export {}\n")
    (volume / "plugins" / "a-panel" / "install.log").write_text("installed\n")
    (volume / "png").mkdir()
    database.chmod(0o640)
    if os.geteuid() == 0:
        for path in (volume, *volume.rglob("*")):
            os.chown(path, OWNER, OWNER)
    return database


def facts(volume: Path) -> str:
    """Return all rows, and owner and mode of every file."""
    with closing(sqlite3.connect(volume / "grafana.db")) as database:
        database.text_factory = bytes
        rows = _rows(database)
    paths = sorted(volume.rglob("*"))
    files = [f"{p.relative_to(volume)} {_status(p)}" for p in paths if "grafana.db-" not in p.name]
    return "\n".join([*rows, *files])


def _rows(database: sqlite3.Connection) -> list[str]:
    names = [
        bytes(row[0]).decode()
        for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    return [
        f"{name} {row!r}"
        for name in sorted(names)
        for row in database.execute(f'SELECT * FROM "{name}" ORDER BY 1')
    ]


def _status(path: Path) -> str:
    status = path.stat()
    return f"{status.st_uid}:{status.st_gid} {status.st_mode:o}"
