"""Dumps of a scripted Redis: what goes wrong with it must never look like a dump."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.redis import driver as redis
from alt_backup_assets.dumps.redis import files as redis_files
from alt_backup_assets.dumps.redis import save, throwaway
from alt_backup_assets.dumps.redis.cli import RedisCli
from alt_backup_assets.errors import (
    AltBackupError,
    DumpFailed,
    ServiceVanished,
    ToolFailed,
    ToolTimeout,
)
from alt_backup_assets.platforms.seam import Sink
from alt_backup_assets.registry.volume import Volume
from tests.fakes.platform import RUNTIME, Answer, FakePlace, FakePlatform

VOLUME = Volume(name="streams", service="redis", engine="redis", category="data")
RDB = b"REDIS0010 data" + b"\xff" + b"checksum"
MARK = "alt-backup-answered\n"
INFO = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "role": "master",
    "run_id": "1",
    "loading": "0",
    "rdb_bgsave_in_progress": "0",
    "aof_rewrite_in_progress": "0",
    "rdb_last_bgsave_status": "ok",
    "rdb_last_save_time": "1",
    "rdb_saves": "0",
}
LINES = "0\nstream 6a 3 aa\ngroup 6a 1 bb 67\nstring 73 4 -\nend\n"


class RedisPlace(FakePlace):
    """A Redis that has loaded, and answers redis-cli's standard input, command by command."""

    def __init__(self, label: str, rdb: Path | None = None) -> None:
        super().__init__(label)
        self.rdb = rdb
        self.info = dict(INFO)
        self.replies: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.cut = ""
        self.script("redis-cli")
        self.script("redis-cli", "INFO", answers=(Answer(b"loading:0\r\n"),))
        for program in ("ln", "redis-server", "tail"):
            self.script(program)
        self.config = {"dir": "/data", "dbfilename": "dump.rdb", "appendonly": "no"}
        self.config |= {"appendfilename": "a.aof", "appenddirname": "adir"}

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Answer; as the fake place does where nothing is on standard input."""
        said = super().run(
            argv, timeout_seconds=timeout_seconds, stdin=stdin, stdout=stdout, env=env
        )
        return "".join(map(self._reply, stdin.decode().splitlines())).encode() if stdin else said

    def _reply(self, line: str) -> str:
        name, *words = (word.strip('"') for word in line.split(" "))
        if name == "ECHO":
            return "" if self.cut in self.asked[-1:] else MARK
        self.asked.append(name if name != "CLIENT" else words[0])
        if name == "BGSAVE" and not self.replies.get(name):
            if self.rdb:
                self.rdb.write_bytes(RDB)
            self.info["rdb_saves"] = str(int(self.info["rdb_saves"]) + 1)
        scripted = self.replies.get(self.asked[-1])
        if scripted:
            return scripted.pop(0) + "\n"
        if name == "CONFIG" and words[0] == "GET":
            return f"{words[1]}\n{self.config[words[1]]}\n"
        if name == "INFO" and words:
            return "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\n\n"
        if name == "INFO":
            return "# Server\r\n" + "".join(f"{k}:{v}\r\n" for k, v in self.info.items()) + "\n"
        return LINES if name.startswith("EVAL") else "OK\n"


class Bench:
    """A scripted server with a volume, and an empty directory for its dump."""

    def __init__(self, directory: Path) -> None:
        self.volume = VOLUME
        self.platform = FakePlatform()
        self.source = self.platform.volumes["streams"] = directory / "volume"
        self.directory = directory / "dump"
        for made in (self.source, self.directory):
            made.mkdir()
        self.place = RedisPlace("redis (fake)", self.source / "dump.rdb")
        self.target = RedisPlace("throw-away target")
        self.platform.services["redis"] = self.place
        self.platform.target = self.target

    def dump(self) -> Dumped:
        """Take the dump."""
        return redis.dump(self.volume, self.platform, self.directory)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for module in (save, throwaway):
        monkeypatch.setattr(module, "_POLL_SECONDS", 0.0)
    return Bench(tmp_path)


def test_a_dump_is_what_was_saved(bench: Bench) -> None:
    """The file, its hash, the content of that moment, and writers are let go after the fork."""
    dumped = bench.dump()
    assert (bench.directory / "files/dump.rdb").read_bytes() == RDB
    assert [artifact.path for artifact in dumped.artifacts] == ["files/dump.rdb"]
    assert isinstance(dumped.content, Inventory)
    assert {item.name: item.count for item in dumped.content.items} == {
        "databases with keys": 1,
        "db0 keys": 3,
        "db0 keys that expire": 1,
        "db0 lasting stream keys": 1,
        "db0 lasting string keys": 1,
        "db0 stream 'j'": 3,
        "db0 stream 'j' group 'g' pending": 1,
    }
    assert (dumped.server_version, dumped.runtime, dumped.warnings) == ("7.0.15", RUNTIME, ())
    steps = [name for name in bench.place.asked if name not in ("INFO", "CONFIG")]
    assert steps == ["PAUSE", "EVAL_RO", "BGSAVE", "UNPAUSE", "UNPAUSE"]


def test_an_older_redis_is_not_held(bench: Bench) -> None:
    """Before Redis 7 the content is taken before and after, and what changed is a range."""
    bench.place.info["redis_version"] = "6.2.1"
    bench.place.replies["EVAL"] = [LINES.rstrip(), LINES.replace("6a 3 aa", "6a 5 cc").rstrip()]
    content = bench.dump().content
    assert isinstance(content, Inventory)
    (stream,) = (item for item in content.items if item.name == "db0 stream 'j'")
    assert (stream.count, stream.at_most) == (3, 5)
    assert "PAUSE" not in bench.place.asked


def test_another_save_is_waited_for(bench: Bench) -> None:
    """A save that is running is no failure: ours comes after it."""
    bench.place.replies["BGSAVE"] = ["ERR Background save already in progress\n"]
    assert bench.dump().artifacts
    assert bench.place.asked.count("BGSAVE") == 2


def test_a_source_in_trouble_is_told(bench: Bench) -> None:
    """A dump can be good where the append-only file cannot be written."""
    bench.place.info["aof_last_write_status"] = "err"
    assert "append-only file" in bench.dump().warnings[0]


def _old_file(bench: Bench) -> None:
    bench.place.rdb = bench.source / "elsewhere"
    (bench.source / "dump.rdb").write_bytes(RDB)
    os.utime(bench.source / "dump.rdb", (10**9, 10**9))


def _too_slow(bench: Bench) -> None:
    bench.place.script("redis-cli", answers=(Answer(too_slow=True),))


def _gone(bench: Bench) -> None:
    bench.place.script("redis-cli", answers=(Answer(vanish=True),))


def _not_there(bench: Bench) -> None:
    bench.place.cut = "INFO"
    bench.place.script(
        "redis-cli", "PING", answers=(Answer(exit_code=1, stderr="Could not connect to Redis"),)
    )


def _failing_save(bench: Bench) -> None:
    bench.place.info["rdb_last_bgsave_status"] = "err"


FAILURES: dict[str, tuple[Callable[[Bench], object], type[AltBackupError], str]] = {
    "save failed": (_failing_save, DumpFailed, "disk space"),
    "no answer": (_too_slow, ToolTimeout, "did not end in time"),
    "vanished": (_gone, ServiceVanished, "stopped"),
    "not reached": (_not_there, ToolFailed, "Could not connect"),
    "cut": (lambda b: setattr(b.place, "cut", "BGSAVE"), ToolFailed, "stopped answering"),
    "cut keys": (lambda b: b.place.replies.update(EVAL_RO=["0"]), ToolFailed, "cut short"),
    "no file": (lambda b: setattr(b.place, "rdb", None), DumpFailed, "writes to /data"),
    "old file": (_old_file, DumpFailed, "older than the save"),
    "cluster": (lambda b: b.place.info.update(redis_mode="cluster"), DumpFailed, "cluster"),
    "loading": (lambda b: b.place.info.update(loading="1"), DumpFailed, "still loading"),
    "replica": (lambda b: b.place.info.update(role="slave"), DumpFailed, "lost its master"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_goes_wrong_is_a_failure(bench: Bench, name: str) -> None:
    """Each way a save can go wrong is an error that says what to look at."""
    prepare, kind, said = FAILURES[name]
    prepare(bench)
    with pytest.raises(kind, match=said):
        bench.dump()


def test_a_save_that_never_ends(bench: Bench) -> None:
    """It is given up after the volume's time, and the remedy is said."""
    bench.place.info["rdb_bgsave_in_progress"] = "1"
    with pytest.raises(DumpFailed, match="raise timeout_minutes"):
        save.save(RedisCli(bench.place, 1.0), bench.place.info, timeout_seconds=0.0)


def test_a_refused_password_is_not_shown(bench: Bench, tmp_path: Path) -> None:
    """The password is on standard input only, and never in the message."""
    (tmp_path / "password").write_text("s3cret")
    bench.volume = VOLUME.model_copy(update={"password_file": tmp_path / "password"})
    bench.place.replies["AUTH"] = ["WRONGPASS invalid s3cret\n"]
    with pytest.raises(ToolFailed, match="refused AUTH: WRONGPASS") as raised:
        bench.dump()
    assert "s3cret" not in str(raised.value)
    assert all("s3cret" not in " ".join(call.argv) and not call.env for call in bench.place.calls)


@pytest.mark.parametrize("data", [RDB[:9], b"", b"SIDER" + RDB[5:]])
def test_a_file_that_is_not_whole(bench: Bench, data: bytes) -> None:
    """A file that does not begin and end as an RDB file is no dump."""
    (bench.source / "dump.rdb").write_bytes(data)
    settings = bench.place.config
    with pytest.raises(DumpFailed, match="no whole RDB"):
        redis_files.copy_rdb(bench.source, bench.directory, settings, not_before=0)
