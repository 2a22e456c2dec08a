"""A Meilisearch without sockets: the double's engine behind the HTTP seam, and in a fake place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.meilisearch import driver as meilisearch
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import ServiceVanished, ToolFailed
from alt_backup_assets.platforms.seam import Sink
from alt_backup_assets.registry.volume import Volume
from tests.doubles.meilisearch import Api, Database, Engine, load_snapshot
from tests.fakes.platform import Answer, FakePlace, FakePlatform, FakeSession
from tests.fakes.site import Machine

KEY = "key-of-nobody"
VOLUME = Volume(
    name="meili_data",
    service="meilisearch",
    engine="meilisearch",
    category="search",
    poll_seconds=0.001,
    task_timeout_seconds=0.2,
)


@dataclass(frozen=True)
class FakeHttp:
    """Stands where ``HttpService`` stands, in front of a double.

    Attributes:
        bench: Whose server answers.
    """

    bench: Bench
    label: str = "meilisearch (fake)"
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self, method: str, path: str, *, timeout_seconds: float) -> str:
        """Answer as ``HttpService.text`` would."""
        assert timeout_seconds > 0
        bench = self.bench
        if bench.engine.has("gone"):
            raise ServiceVanished(f"{self.label}: {method} {path} cannot be reached: refused")
        bench.before(method, path)
        bench.engine.step()
        bench.calls.append(f"{method} {path}")
        header = self.headers.get("Authorization")
        status, said = bench.api.answer(method, path, header, b"")
        if status >= 400:
            message = f"{path} was answered with {status}: {said['message']}"
            raise ToolFailed(message, status)
        return "<html>" if bench.engine.has("html") else json.dumps(said)


class TargetPlace(FakePlace):
    """A throw-away place in which a double loads a snapshot and curl asks it."""

    def __init__(self, room: Path) -> None:
        super().__init__("throw-away target")
        self.room = room
        self.api: Api | None = None
        self.plant: Callable[[Engine], object] = lambda _engine: None
        for program in ("tee", "curl"):
            self.script(program)
        self.script("meilisearch", answers=(Answer(reply=lambda _line: b""),))

    @contextmanager
    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> Iterator[FakeSession]:
        """Load what is to be imported; a snapshot that cannot be ends the program."""
        options = dict(pairwise(argv))
        snapshot = self.room / "in.snapshot"
        snapshot.write_bytes(self.files[options["--import-snapshot"]])
        with super().open(argv, env=env) as session:
            if self.room.is_dir() and not self._refuses():
                load_snapshot(snapshot, self.room / "data.ms")
                engine = Engine(Database(self.room / "data.ms"), self.room / "snapshots")
                self.plant(engine)
                self.api = Api(engine, None)
            yield session

    def _refuses(self) -> bool:
        return (self.room / "refuse").exists()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Answer curl from the double, as curl's ``--write-out`` ends an answer."""
        said = super().run(
            argv, timeout_seconds=timeout_seconds, stdin=stdin, stdout=stdout, env=env
        )
        if argv[0] != "curl":
            return said
        if self.api is None:
            raise ToolFailed("in throw-away target: curl exited with 7: refused", 7)
        self.api.engine.step()
        path = "/" + argv[-1].split("/", 3)[3]
        if path.startswith("/keys"):
            return json.dumps({"results": [], "total": self._keys()}).encode() + b"\n200"
        status, answer = self.api.answer("GET", path, None, b"")
        return f"{json.dumps(answer)}\n{status}".encode()

    def _keys(self) -> int:
        assert self.api is not None
        return int(self.api.engine.database.read("auth")["keys"])


class Bench:
    """A server with two indexes and its volume, and an empty directory for a dump."""

    def __init__(self, directory: Path) -> None:
        self.volume = VOLUME
        self.source = directory / "volume"
        self.directory = directory / "dump"
        self.room = directory / "target"
        for made in (self.source, self.directory, self.room):
            made.mkdir()
        self.engine = Engine(Database(self.source / "data.ms"), self.source / "snapshots")
        self.api = Api(self.engine, KEY)
        self.calls: list[str] = []
        self.before: Callable[[str, str], object] = lambda _method, _path: None
        self.platform = FakePlatform()
        self.platform.volumes[VOLUME.name] = self.source
        self.service = self.platform.add("meilisearch")
        for program in ("meilisearch", "curl"):
            self.service.script(program)
        self.target = self.platform.target = TargetPlace(self.room)
        key = directory / "key"
        key.write_text(KEY)
        self.volume = VOLUME.model_copy(update={"password_file": key})
        self.add("movies", *range(12))
        self.add("books", 1, 2)
        self.settle()

    def add(self, uid: str, *documents: int) -> None:
        """Have documents added; a task does it."""
        made = [{"id": number, "title": f"of {number}"} for number in documents]
        self.engine.enqueue("documentAdditionOrUpdate", indexUid=uid, documents=made)

    def settle(self) -> None:
        """Do all tasks."""
        for _ in range(20):
            self.engine.step()

    def fault(self, *names: str) -> None:
        """Switch faults on."""
        (self.source / "faults").write_text(" ".join(names))

    def dump(self) -> Dumped:
        """Take the dump."""
        return meilisearch.dump(self.volume, self.platform, self.directory)

    def record(self, machine: Machine, dumped: Dumped) -> DumpRecord:
        """Return the record of a dump."""
        changes = {
            "content": dumped.content,
            "runtime": dumped.runtime,
            "service": "meilisearch",
            "artifacts": dumped.artifacts,
        }
        return machine.dump().record.model_copy(update=changes)
