"""Meilisearch's program, as far as a snapshot, its proof and its way back need it.

Run as a program with Meilisearch's own options. It keeps its data where Meilisearch does, in
JSON where that has LMDB, and goes wrong in the ways that a file ``faults`` beside its database
names. No request is answered before the queue has gone one step on, so nothing here hangs on
time. Each behaviour says where it is described: "API" is Meilisearch's API reference, "launch" its
page "Configure Meilisearch at launch", "source" meilisearch/meilisearch.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import tomllib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

VERSION = "1.12.3"
MANY_TASKS = 976_598
_LMDB = "data.mdb"
_FLAGS = ("--no-analytics",)
# Debian 12's Python has none, later ones want one.
_FILTER: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}

Json = dict[str, Any]
Said = tuple[int, Json]


class Database:
    """The files of a database (source: index-scheduler; the tree a snapshot holds)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.mkdir(parents=True)
            (path / "VERSION").write_text(VERSION)
            self.write("tasks", [])
            self.write("auth", {"keys": 2})  # API, "Keys": a search key and an admin key
        if (path / "VERSION").read_text() != VERSION:
            # Documentation, "Snapshots": no other version can read them.
            sys.exit(f"Your database version is incompatible with your engine version {VERSION}")

    def read(self, name: str) -> Any:  # noqa: ANN401  # JSON
        """Read one environment."""
        return json.loads((self.path / name / _LMDB).read_text())

    def write(self, name: str, value: object) -> None:
        """Write one environment."""
        (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / name / _LMDB).write_text(json.dumps(value))

    def indexes(self) -> dict[str, Json]:
        """Return the indexes by the name of their directory."""
        names = sorted(path.name for path in (self.path / "indexes").glob("*"))
        return {name: self.read(f"indexes/{name}") for name in names}

    def index(self, uid: str) -> tuple[str, Json] | None:
        """Find one index by its uid."""
        found = ((n, index) for n, index in self.indexes().items() if index["uid"] == uid)
        return next(found, None)


class Engine:
    """The queue and what its tasks do."""

    def __init__(self, database: Database, snapshots: Path) -> None:
        self.database = database
        self.snapshots = snapshots

    def has(self, fault: str) -> bool:
        """Tell whether a fault is switched on."""
        path = self.database.path.parent / "faults"
        return path.is_file() and fault in path.read_text().split()

    def enqueue(self, kind: str, **more: object) -> Said:
        """Add a task (API, "Tasks": the summary that is answered with 202)."""
        tasks = self.database.read("tasks")
        now = "2020-01-01T00:00:00Z" if self.has("late") else _now()
        uid = max((task["uid"] for task in tasks), default=-1) + 1
        task = {"uid": uid, "indexUid": None, "status": "enqueued", "type": kind}
        task |= {"canceledBy": None, "error": None, "enqueuedAt": now, **more}
        self.database.write("tasks", [*tasks, task])
        summary = {name: task[name] for name in ("indexUid", "status", "type", "enqueuedAt")}
        return 202, {"taskUid": uid, **summary}

    def step(self) -> None:
        """Do one step of one task; snapshots go first (API, "Snapshots")."""
        tasks = self.database.read("tasks")
        waiting = [task for task in tasks if task["status"] in ("enqueued", "processing")]
        waiting.sort(key=lambda task: task["type"] != "snapshotCreation")
        if not waiting:
            return
        task = waiting[0]
        is_snapshot = task["type"] == "snapshotCreation"
        if self.has("slow") if is_snapshot else self.has("stuck"):
            return
        if task["status"] == "enqueued":
            task["status"] = "processing"
        elif is_snapshot:
            self._finish(task, tasks)
        else:
            self._index(task)
            task["status"] = "succeeded"
        self.database.write("tasks", tasks)

    def _finish(self, task: Json, tasks: list[Json]) -> None:
        if self.has("fail"):
            # API, "Errors": `no_space_left_on_device`.
            error = {"message": "No space left on device", "code": "no_space_left_on_device"}
            task |= {"status": "failed", "error": error}
        elif self.has("cancel"):
            task |= {"status": "canceled", "canceledBy": task["uid"] + 1}
        elif self.has("odd"):
            task["status"] = "sleeping"
        else:
            task["status"] = "succeeded"
            self._snapshot([each for each in tasks if each is not task])

    def _snapshot(self, tasks: list[Json]) -> None:
        """Write ``<database>.snapshot`` (source: process_snapshot_creation)."""
        if self.has("no-file"):
            return
        self.snapshots.mkdir(parents=True, exist_ok=True)
        target = self.snapshots / f"{self.database.path.name}.snapshot"
        part = target.with_suffix(".part")
        with TemporaryDirectory() as room:
            flat = Path(room) / "flat"
            shutil.copytree(self.database.path, flat)
            # Its own task is taken out, lest it be done again (source: remove_tasks).
            (flat / "tasks" / _LMDB).write_text(json.dumps(tasks))
            (flat / "update_files").mkdir(exist_ok=True)
            with tarfile.open(part, "w:gz") as archive:
                archive.add(flat, arcname=".")
        if self.has("cut-file"):
            os.truncate(part, part.stat().st_size // 2)
        if self.has("old-file"):
            os.utime(part, (10**9, 10**9))
        part.replace(target)
        target.chmod(0o444)

    def _index(self, task: Json) -> None:
        found = self.database.index(task["indexUid"])
        name, index = found or (
            str(uuid.uuid4()),
            {"uid": task["indexUid"], "primaryKey": "id", "settings": {}, "documents": {}},
        )
        index["settings"] |= task.get("settings", {})
        index["documents"] |= {str(each["id"]): each for each in task.get("documents", [])}
        for gone in task.get("delete", []):
            index["documents"].pop(str(gone), None)
        self.database.write(f"indexes/{name}", index)


class Api:
    """The routes."""

    def __init__(self, engine: Engine, key: str | None) -> None:
        self.engine = engine
        self.key = key

    def answer(self, method: str, target: str, header: str | None, body: bytes) -> Said:
        """Answer a call."""
        path = urlsplit(target).path.strip("/").split("/")
        query = dict(parse_qsl(urlsplit(target).query))
        if path == ["health"]:  # API, "Health": no key is needed
            return 200, {"status": "available"}
        if self.key is not None and header != f"Bearer {self.key}":
            return self._refusal(header)
        routes: dict[str, Callable[[], Said]] = {
            "snapshots": lambda: self.engine.enqueue("snapshotCreation"),
            "tasks": lambda: self._tasks(path[1:], query),
            "keys": self._keys,
            "indexes": lambda: self._indexes(method, path[1:], query, body),
        }
        return routes[path[0]]()

    def _refusal(self, header: str | None) -> Said:
        """Refuse (API, "Errors": 401 without a key, 403 with a wrong one)."""
        if header is None:
            return 401, {
                "message": "The header is missing.",
                "code": "missing_authorization_header",
            }
        return 403, {"message": "The provided API key is invalid.", "code": "invalid_api_key"}

    def _keys(self) -> Said:
        if self.key is None:  # API, "Errors": `missing_master_key`
            return 401, {"message": "running without a master key", "code": "missing_master_key"}
        total = self.engine.database.read("auth")["keys"]
        return 200, {"results": [{"key": "material-that-nobody-records"}], "total": total}

    def _tasks(self, path: list[str], query: dict[str, str]) -> Said:
        """Show tasks, newest first; ``from`` is the first uid of the page (API, "Tasks")."""
        tasks = self.engine.database.read("tasks")
        if path:
            found = [task for task in tasks if str(task["uid"]) == path[0]]
            if not found or self.engine.has("forget"):
                return 404, {"message": f"Task `{path[0]}` not found.", "code": "task_not_found"}
            return 200, found[0]
        statuses = query.get("statuses", "").split(",") if "statuses" in query else None
        chosen = [
            task
            for task in reversed(tasks)
            if (statuses is None or task["status"] in statuses)
            and task["enqueuedAt"] < query.get("beforeEnqueuedAt", "9999")
        ]
        many = MANY_TASKS if self.engine.has("many") and statuses is None else 0
        page = [task for task in chosen if task["uid"] <= int(query.get("from", 10**9))]
        limit = int(query.get("limit", 20))
        return 200, {"results": page[:limit], "total": len(chosen) + many}

    def _indexes(self, method: str, path: list[str], query: dict[str, str], body: bytes) -> Said:
        if method in ("POST", "PATCH"):  # documents, settings
            # API, "Documents", "Settings": tasks, which make the index where there is none.
            kind = "documentAdditionOrUpdate" if method == "POST" else "settingsUpdate"
            return self.engine.enqueue(kind, indexUid=path[0], **json.loads(body))
        if not path:
            offset, limit = (int(query.get(each, 20)) for each in ("offset", "limit"))
            everything = sorted(self.engine.database.indexes().values(), key=lambda i: i["uid"])
            shown = [{n: i[n] for n in ("uid", "primaryKey")} for i in everything]
            return 200, {"results": shown[offset : offset + limit], "total": len(shown)}
        found = self.engine.database.index(path[0])
        if found is None:
            return 404, {"message": f"Index `{path[0]}` not found.", "code": "index_not_found"}
        if path[1] == "settings":
            return 200, found[1]["settings"]
        documents = found[1]["documents"].values()
        fields = [name for each in documents for name in each]
        distribution = {name: fields.count(name) for name in fields}
        return 200, {"numberOfDocuments": len(documents), "fieldDistribution": distribution}


def serve(options: dict[str, str]) -> None:
    """Load what is to be loaded, and answer for ever."""
    path = Path(options["--db-path"])
    if "--import-snapshot" in options:
        load_snapshot(Path(options["--import-snapshot"]), path)
    engine = Engine(Database(path), Path(options["--snapshot-dir"]))
    config = options.get("--config-file-path")
    key = tomllib.loads(Path(config).read_text()).get("master_key") if config else None
    if options.get("--env") == "production" and not key:
        sys.exit("In production mode, a master key is required")  # launch, "Environment"
    api = Api(engine, key)

    class Handler(BaseHTTPRequestHandler):
        """One call."""

        def answer(self) -> None:
            """Go a step on and answer."""
            if engine.has("die"):
                os._exit(1)
            engine.step()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = api.answer(self.command, self.path, self.headers.get("Authorization"), body)
            text = b"<html>" if engine.has("html") else json.dumps(said[1]).encode()
            self.send_response(said[0])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815  # names of the base class

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    host, port = options["--http-addr"].rsplit(":", 1)
    HTTPServer((host, int(port)), Handler).serve_forever()


def load_snapshot(snapshot: Path, path: Path) -> None:
    """Unpack a snapshot where no database is yet (launch, "Import snapshot")."""
    if path.exists():
        sys.exit(f"database already exists at {path}, try to delete it or rename it")
    try:
        with tarfile.open(snapshot) as archive:
            archive.extractall(path, **_FILTER)  # noqa: S202  # made by this module
    except (OSError, EOFError, tarfile.TarError) as error:
        sys.exit(f"could not load the snapshot: {error}")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word not in _FLAGS]
    if words == ["--version"]:
        sys.stdout.write(f"meilisearch {VERSION}\n")
    else:
        serve(dict(zip(words[::2], words[1::2], strict=True)))
